import { Link } from "react-router";
import { isNotTold, useLogInputs } from "../../api/alertQueries";
import { Loaded } from "../../components/PageStates";
import { formatCount, plural } from "../../lib/format";
import { countStates, rateText } from "../../lib/logInputs";

/** Whether logs come in at all: without them, no alert says nothing. */
export function LogsCard() {
  const query = useLogInputs();
  return (
    <section className="card stack" aria-label="Log sources">
      <div className="row spread"><h2>Log sources</h2><Link to="/logs">See log sources</Link></div>
      {isNotTold(query.error) ? <p className="tone-Unknown">This server does not tell whether logs are read: no alert may mean that nothing looked.</p> : (
        <Loaded query={query} rows={2}>
          {({ items }) => {
            if (items.length === 0) return <p className="tone-Unknown">No log input is named: detections see nothing, and no alert means nothing.</p>;
            const states = countStates(items);
            return (
              <div className="figures">
                <Figure count={states.Healthy} text="reading" tone="Healthy" />
                <Figure count={states.NotApplicable} text="quiet" />
                <Figure count={states.Unhealthy} text="failing" tone="Unhealthy" />
                <Figure count={states.Unknown} text="brought nothing yet" tone="Unknown" />
                <div className="figure"><strong style={{ fontSize: 16 }}>{rateText(items.reduce((sum, one) => sum + one.perSecond, 0))}</strong><span className="muted">of {plural(items.length, "input")}</span></div>
              </div>
            );
          }}
        </Loaded>
      )}
    </section>
  );
}

function Figure({ count, text, tone }: { count: number; text: string; tone?: string }) {
  return <div className="figure"><strong className={tone && count > 0 ? `tone-${tone}` : undefined}>{formatCount(count)}</strong><span className="muted">{text}</span></div>;
}
