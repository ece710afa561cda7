import { Link } from "react-router";
import { useLogInputs } from "../../api/alertQueries";
import { Loaded } from "../../components/PageStates";
import { formatCount, sentence } from "../../lib/format";
import { countStates, rateText } from "../../lib/logInputs";

/** Whether logs come in at all: without them, no alert says nothing. */
export function LogsCard() {
  const query = useLogInputs();
  return (
    <section className="card stack" aria-label="Log sources">
      <div className="row spread"><h2>Log sources</h2><Link to="/logs">See log sources</Link></div>
      <Loaded query={query} rows={2}>
        {({ items, problems }) => {
          if (items.length === 0) return <p className="tone-Unknown">No log input is named: detections see nothing, and no alert means nothing.</p>;
          const states = countStates(items);
          const perSecond = items.reduce((sum, one) => sum + one.perSecond, 0);
          return (
            <>
              {problems.map((one) => <p key={one.what} className="tone-Unhealthy"><bdi>{sentence(`${one.what}: ${one.reason}`)}</bdi></p>)}
              <div className="figures">
                <Figure count={states.Healthy} text="reading" tone="Healthy" />
                <Figure count={states.NotApplicable} text="quiet" />
                <Figure count={states.Unhealthy} text="failing" tone="Unhealthy" />
                <Figure count={states.Unknown} text="brought nothing yet" tone="Unknown" />
                <div className="figure"><strong style={{ fontSize: 16 }}>{perSecond > 0 ? rateText(perSecond) : "Nothing"}</strong><span className="muted">in the last minute</span></div>
              </div>
            </>
          );
        }}
      </Loaded>
    </section>
  );
}

function Figure({ count, text, tone }: { count: number; text: string; tone?: string }) {
  return <div className="figure"><strong className={tone && count > 0 ? `tone-${tone}` : undefined}>{formatCount(count)}</strong><span className="muted">{text}</span></div>;
}
