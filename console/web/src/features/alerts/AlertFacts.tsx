import { Link } from "react-router";
import type { AlertDetail } from "../../api/alertTypes";
import { AccountName } from "../../components/AccountName";
import { CopyId } from "../../components/CopyBlock";
import { endOfId, ResourceLink } from "../../components/links";
import { Time } from "../../components/Time";
import { formatCount } from "../../lib/format";
import { inOrder, intentTitle, tacticAddress, techniqueAddress } from "../../lib/killChain";
import { planPath } from "../../lib/plans";
import { usePlanTitle } from "../plans/usePlanTitle";

export function AlertFacts({ alert }: { alert: AlertDetail }) {
  const titleOf = usePlanTitle();
  return (
    <section className="card" aria-label="Facts">
      <dl className="facts">
        <dt>First event</dt><dd><Time at={alert.start} /></dd>
        <dt>Last event</dt><dd><Time at={alert.end} /></dd>
        <dt>Events</dt><dd className="number">{formatCount(alert.nEvents)}</dd>
        {alert.compromised && <><dt>Compromised</dt><dd className="breakable"><bdi>{alert.compromised}</bdi></dd></>}
        {alert.resource && <><dt>Resource</dt><dd><ResourceLink id={alert.resource} name={endOfId(alert.resource)} /></dd></>}
        <dt>Account</dt><dd className="breakable"><AccountName id={alert.account} /></dd>
        {alert.plan && <><dt>Plan</dt><dd><Link to={planPath(alert.plan)}>{titleOf(alert.plan)}</Link></dd></>}
        <dt>Tactics</dt><dd><Outside items={inOrder(alert.intents)} textOf={intentTitle} addressOf={tacticAddress} /></dd>
        <dt>Techniques</dt><dd><Outside items={alert.techniques} textOf={(id) => id} addressOf={techniqueAddress} /></dd>
        <dt>Log sources</dt><dd>{alert.sources.join(", ")}</dd>
        <dt>Detection</dt><dd><Link className="breakable" to={`/alerts?detection=${encodeURIComponent(alert.detection)}&status=any`}>{alert.detection}</Link></dd>
        {alert.suppressedBy && <><dt>Suppressed by</dt><dd><Link to="/alerts/suppression">{alert.suppressedBy}</Link></dd></>}
        {alert.statusChangedBy && <><dt>State since</dt><dd><Time at={alert.statusChangedAt} /><div className="small muted">by <bdi>{alert.statusChangedBy}</bdi></div></dd></>}
        <dt>Id</dt><dd className="row" style={{ gap: 2 }}><code className="breakable">{alert.id}</code><CopyId id={alert.id} /></dd>
      </dl>
    </section>
  );
}

/** Words of ATT&CK, which lead to where they are described. */
function Outside({ items, textOf, addressOf }: { items: readonly string[]; textOf: (item: string) => string; addressOf: (item: string) => string | undefined }) {
  if (items.length === 0) return <span className="muted">Not told</span>;
  return (
    <span className="row" style={{ gap: "2px 12px" }}>
      {items.map((item) => {
        const address = addressOf(item);
        return address ? <a key={item} href={address} target="_blank" rel="noreferrer noopener">{textOf(item)}</a> : <span key={item}>{textOf(item)}</span>;
      })}
    </span>
  );
}
