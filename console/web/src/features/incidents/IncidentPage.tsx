import { Link, useParams } from "react-router";
import { useIncident } from "../../api/alertQueries";
import type { IncidentDetail } from "../../api/alertTypes";
import { useMay } from "../../api/peopleQueries";
import { Allowed } from "../../components/Allowed";
import { AlertStatusBadge } from "../../components/AlertBadges";
import { KillChain } from "../../components/KillChain";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { SeverityBadge } from "../../components/SeverityBadge";
import { Time } from "../../components/Time";
import { ALERTS_READ, ALERTS_WRITE } from "../../lib/actions";
import { incidentPath } from "../../lib/alerts";
import { formatCount, plural } from "../../lib/format";
import { AlertTable } from "../alerts/AlertTable";
import { Steps } from "../alerts/Steps";
import { TurnButtons } from "../alerts/TurnButtons";
import { SharedEntities } from "./SharedEntities";
import { TimelineCard } from "./TimelineCard";

/** Alerts laid out before a person asks for more. */
const STEP = 25;

const CRUMB = { to: "/incidents", text: "Incidents" };

export default function IncidentPage() {
  const { id = "" } = useParams();
  const query = useIncident(id, { enabled: useMay()(ALERTS_READ) });
  if (query.data) return <div className="page" key={id}><Detail incident={query.data} /></div>;
  return (
    <div className="page">
      <PageHead title="Incident" tabTitle="Incident" crumb={CRUMB} />
      <Allowed action={ALERTS_READ} what="see incidents"><Loaded query={query} rows={10}>{() => null}</Loaded></Allowed>
    </div>
  );
}

function Detail({ incident }: { incident: IncidentDetail }) {
  const may = useMay();
  return (
    <>
      <PageHead
        title={<bdi>{incident.title}</bdi>} tabTitle={incident.title} crumb={CRUMB}
        lead={(
          <span className="row" style={{ gap: 16, marginTop: 4 }}>
            <SeverityBadge severity={incident.severity} />
            <AlertStatusBadge status={incident.status} />
            <span>{plural(incident.nAlerts, "alert")}{incident.nHidden > 0 && ` that you may see, ${formatCount(incident.nHidden)} that you may not`}</span>
          </span>
        )}
        actions={may(ALERTS_WRITE) && !incident.mergedInto && <TurnButtons what="incidents" ids={[incident.id]} status={incident.status} />}
      />
      {incident.mergedInto && <p className="card">It became part of another: <Link to={incidentPath(incident.mergedInto)}>open that incident</Link>.</p>}
      <section className="card stack" aria-label="Kill chain"><h2>How far the attack went</h2><KillChain intents={incident.intents} /></section>
      {incident.timeline.length > 0 && <TimelineCard incident={incident} />}
      <div className="split">
        <section className="card stack wide" aria-label="About this incident">
          <div className="stack">
            <h2>What it is</h2>
            <p>{incident.description || "Alerts that share what they are about, each further along an attack than one before."}</p>
          </div>
          <div className="stack">
            <h2>Take action</h2>
            <Steps steps={incident.remediation} none="Follow what the alerts say, from the first to the last: the first shows the way in, the last what is going on now." />
          </div>
        </section>
        <div className="stack wide">
          <section className="card" aria-label="Facts">
            <dl className="facts">
              <dt>First activity</dt><dd><Time at={incident.start} /></dd>
              <dt>Last activity</dt><dd><Time at={incident.end} /></dd>
              <dt>Kind</dt><dd>{incident.kind ?? "Of no kind that has a name"}</dd>
              {incident.statusChangedBy && <><dt>State since</dt><dd><Time at={incident.statusChangedAt} /><div className="small muted">by <bdi>{incident.statusChangedBy}</bdi></div></dd></>}
            </dl>
          </section>
          <SharedEntities shared={incident.shared} isHidden={incident.nHidden > 0} />
        </div>
      </div>
      <section className="card flush" aria-label="Alerts of the incident">
        <div className="card-head"><h2>Alerts</h2>{incident.alerts.length < incident.nAlerts && <span className="small muted">The newest {formatCount(incident.alerts.length)} of {formatCount(incident.nAlerts)}</span>}</div>
        {incident.alerts.length > 0 ? <AlertTable rows={incident.alerts} step={STEP} /> : <p className="muted inset-line">None of its alerts is here any more.</p>}
      </section>
    </>
  );
}
