import { Button } from "@fluentui/react-components";
import { AlertOff16Regular } from "@fluentui/react-icons";
import { useParams } from "react-router";
import { useAlert } from "../../api/alertQueries";
import type { AlertDetail } from "../../api/alertTypes";
import { useMay } from "../../api/peopleQueries";
import { Allowed } from "../../components/Allowed";
import { AlertStatusBadge, SampleAlertBadge } from "../../components/AlertBadges";
import { OpenDialog } from "../../components/FormDialog";
import { KillChain } from "../../components/KillChain";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { SeverityBadge } from "../../components/SeverityBadge";
import { ALERTS_READ, ALERTS_WRITE, SUPPRESSION_WRITE } from "../../lib/actions";
import { isSample, plainTitle } from "../../lib/alerts";
import { draftLike } from "../../lib/suppression";
import { RuleForm } from "../suppression/RuleForm";
import { AlertEntities } from "./AlertEntities";
import { AlertEvents } from "./AlertEvents";
import { AlertEvidence } from "./AlertEvidence";
import { AlertFacts } from "./AlertFacts";
import { IncidentCard } from "./IncidentCard";
import { Steps } from "./Steps";
import { TurnButtons } from "./TurnButtons";

const CRUMB = { to: "/alerts", text: "Alerts" };

export default function AlertPage() {
  const { id = "" } = useParams();
  const query = useAlert(id, { enabled: useMay()(ALERTS_READ) });
  if (query.data) return <div className="page" key={id}><Detail alert={query.data} /></div>;
  return (
    <div className="page">
      <PageHead title="Alert" tabTitle="Alert" crumb={CRUMB} />
      <Allowed action={ALERTS_READ} what="see alerts"><Loaded query={query} rows={10}>{() => null}</Loaded></Allowed>
    </div>
  );
}

function Detail({ alert }: { alert: AlertDetail }) {
  const may = useMay();
  const title = plainTitle(alert.title);
  return (
    <>
      <PageHead
        title={<bdi>{title}</bdi>} tabTitle={title} crumb={CRUMB}
        lead={(
          <span className="row" style={{ gap: 16, marginTop: 4 }}>
            <SeverityBadge severity={alert.severity} />
            <AlertStatusBadge status={alert.status} />
            {isSample(alert.title) && <SampleAlertBadge />}
          </span>
        )}
        actions={may(ALERTS_WRITE) && <TurnButtons what="alerts" ids={[alert.id]} status={alert.status} />}
      />
      <section className="card stack" aria-label="Kill chain"><h2>Step of the attack</h2><KillChain intents={alert.intents} /></section>
      <div className="split three">
        <div className="stack wide">
          <section className="card stack wide" aria-label="What happened">
            <div className="stack">
              <h2>What happened</h2>
              <p className="pre-wrap"><bdi>{alert.description}</bdi></p>
              {alert.why && <p className="reason"><strong>Why it stands out: </strong><bdi>{alert.why}</bdi></p>}
              {alert.severityRaised && <p className="reason"><strong>Its severity: </strong><bdi>{alert.severityRaised}</bdi></p>}
              {alert.severityUnknown && (
                <p className="reason"><strong>Its severity may be too low: </strong><bdi>{alert.severityUnknown}</bdi></p>
              )}
            </div>
            <AlertEvidence evidence={alert.evidence} />
          </section>
          <section className="card stack wide" aria-label="Take action">
            <h2>Take action</h2>
            <Steps steps={alert.remediation} none="The detection names no steps: look at what the first event did, undo it, and close the way by which it came." />
            {may(SUPPRESSION_WRITE) && (
              <div className="stack">
                <h3>Suppress alerts like this</h3>
                <p className="muted">If it is known and meant, a rule dismisses those that come and are like it.</p>
                <div>
                  <OpenDialog trigger={<Button size="small" icon={<AlertOff16Regular />}>Suppress alerts like this</Button>}>
                    {(close) => <RuleForm title="Suppress alerts like this" draft={draftLike(alert)} like={alert} others={[]} onDone={close} />}
                  </OpenDialog>
                </div>
              </div>
            )}
          </section>
        </div>
        <div className="stack wide">
          <AlertFacts alert={alert} />
          {alert.incident && <IncidentCard id={alert.incident} />}
          <AlertEntities entities={alert.entities} />
        </div>
        <AlertEvents alert={alert} />
      </div>
    </>
  );
}
