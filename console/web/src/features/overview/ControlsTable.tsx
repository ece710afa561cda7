import { Link } from "react-router";
import type { ControlScore, Score } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { EmptyNote } from "../../components/PageStates";
import { RangeBar } from "../../components/RangeBar";
import { StatusCount } from "../../components/StatusBadge";
import { formatCount, formatPercent, formatPoints, plural } from "../../lib/format";
import { byPotential, potentialShare } from "../../lib/score";

/** Security controls, most to gain first. */
export function ControlsTable({ score }: { score: Score & { controls: ControlScore[] } }) {
  return (
    <section className="card flush" aria-label="Security controls">
      <div className="card-head">
        <h2>Security controls</h2>
        <span className="muted small">Most to gain first</span>
      </div>
      {score.controls.length === 0 ? (
        <EmptyNote title="No control has a verdict yet"><p>Controls appear after the first assessment of an environment. <Link to="/connectors">See the connectors</Link></p></EmptyNote>
      ) : (
        <DataTable
          label="Security controls" isMiddle groups={[{ key: "", title: null, rows: byPotential(score.controls) }]} rowKey={(control) => control.id}
          columns={[
            {
              key: "title", header: "Control", isLead: true,
              cell: (control) => (
                <>
                  <Link to={`/recommendations?control=${encodeURIComponent(control.id)}`} className="cell-title">{control.title}</Link>
                  {control.unlisted ? <div className="small tone-Unknown">{plural(control.unlisted, "list")} could not be fetched</div> : null}
                </>
              ),
            },
            { key: "points", header: "Points", isEnd: true, width: "110px", cell: (control) => `${formatPoints(control.current)} / ${formatPoints(control.max)}` },
            { key: "bar", header: "Reached", width: "160px", cell: (control) => <ControlBar control={control} /> },
            { key: "unhealthy", header: "Unhealthy", isEnd: true, isInline: true, width: "96px", cell: (control) => <Count status="Unhealthy" count={control.unhealthy} /> },
            { key: "unknown", header: "Unknown", isEnd: true, isInline: true, width: "96px", cell: (control) => <Count status="Unknown" count={control.unknown} /> },
            { key: "healthy", header: "Healthy", isEnd: true, isInline: true, width: "96px", cell: (control) => <Count status="Healthy" count={control.healthy} /> },
            {
              key: "potential", header: "Potential increase", isEnd: true, width: "120px",
              cell: (control) => control.potentialIncrease > 0
                ? <strong>+{formatPercent(potentialShare(control, score))}</strong>
                : <span className="muted">{formatPercent(0)}</span>,
            },
          ]}
        />
      )}
    </section>
  );
}

function Count({ status, count }: { status: "Healthy" | "Unhealthy" | "Unknown"; count: number }) {
  return <StatusCount status={status} count={count} text={formatCount(count)} isWordy />;
}

/** Points reached, with the range that unknown resources leave open behind them. */
function ControlBar({ control }: { control: ControlScore }) {
  const part = (points: number) => (control.max > 0 ? points / control.max : control.percentage);
  const [low, high] = control.range;
  const text = `${formatPoints(control.current)} of ${formatPoints(control.max)} points, between ${formatPoints(low)} and ${formatPoints(high)}`;
  return <RangeBar value={part(control.current)} range={[part(low), part(high)]} text={text} />;
}
