import { Link } from "react-router";
import { useAlerts } from "../../api/alertQueries";
import { AlertLink } from "../../components/AlertBadges";
import { Loaded } from "../../components/PageStates";
import { Time } from "../../components/Time";
import { OPEN, subjectOf } from "../../lib/alerts";
import { shortName } from "../../lib/ids";

const MOST = 5;

/** The newest alerts that matter most and that nobody has closed. */
export function NewestCard() {
  const query = useAlerts({ severity: "High", status: OPEN, limit: MOST });
  return (
    <section className="card stack" aria-label="Newest high alerts">
      <div className="row spread"><h2>Newest high alerts</h2><Link to="/alerts?severity=High&days=90">See all</Link></div>
      <Loaded query={query} rows={4}>
        {({ items }) => items.length === 0 ? <p className="muted">No open alert of high severity.</p> : (
          <ul className="plain stack ruled">
            {items.map((row) => (
              <li key={row.id}>
                <AlertLink row={row} />
                <div className="small muted clip"><Time at={row.end} /> · <bdi>{shortName(subjectOf(row))}</bdi></div>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  );
}
