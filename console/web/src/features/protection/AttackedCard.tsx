import { Link } from "react-router";
import { MAX_ROWS, useAlerts } from "../../api/alertQueries";
import { Loaded } from "../../components/PageStates";
import { SeverityBadge } from "../../components/SeverityBadge";
import { OPEN } from "../../lib/alerts";
import { formatCount, plural, shorten } from "../../lib/format";
import { shortName } from "../../lib/ids";
import { mostAttacked } from "../../lib/protection";

const MOST = 6;

/** What open alerts are about, the gravest and most first. */
export function AttackedCard() {
  const query = useAlerts({ status: OPEN, days: "30", limit: MAX_ROWS });
  return (
    <section className="card stack" aria-label="Most attacked">
      <h2>Most attacked</h2>
      <Loaded query={query} rows={4}>
        {(page) => page.items.length === 0 ? <p className="muted">Nothing was attacked in the last 30 days, as far as logs tell.</p> : (
          <>
            <ul className="plain stack ruled">
              {mostAttacked(page.items, MOST).map((group) => {
                const of = group.rows[0];
                return (
                  <li key={group.key} className="attacked">
                    {/* The filter of resources knows those of the inventory only; a search finds the others. */}
                    <Link className="clip" title={shorten(group.key, 1000)} to={of?.resource ? `/alerts?resource=${encodeURIComponent(of.resource)}` : `/alerts?q=${encodeURIComponent(group.key)}`}><bdi>{shortName(group.title)}</bdi></Link>
                    <SeverityBadge severity={group.severity} />
                    <span className="number muted">{plural(group.rows.length, "alert")}</span>
                  </li>
                );
              })}
            </ul>
            {page.next && <p className="small muted">Among the newest {formatCount(page.items.length)} open alerts.</p>}
          </>
        )}
      </Loaded>
    </section>
  );
}
