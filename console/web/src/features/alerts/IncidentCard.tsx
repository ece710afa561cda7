import { Link } from "react-router";
import { useIncident } from "../../api/alertQueries";
import { AlertStatusBadge } from "../../components/AlertBadges";
import { Problem } from "../../components/Problem";
import { SeverityBadge } from "../../components/SeverityBadge";
import { incidentPath } from "../../lib/alerts";
import { plural } from "../../lib/format";

/** The story that an alert is part of. */
export function IncidentCard({ id }: { id: string }) {
  const { data, error } = useIncident(id);
  return (
    <section className="card stack" aria-label="Incident">
      <h2>Part of an incident</h2>
      {data ? (
        <>
          <Link className="cell-title" to={incidentPath(id)}><bdi>{data.title}</bdi></Link>
          <span className="row" style={{ gap: 16 }}><SeverityBadge severity={data.severity} /><AlertStatusBadge status={data.status} /><span className="muted">{plural(data.nAlerts, "alert")}</span></span>
        </>
      ) : <Link to={incidentPath(id)}>Open the incident</Link>}
      {error && <Problem text={`The incident could not be read: ${error.message}`} />}
    </section>
  );
}
