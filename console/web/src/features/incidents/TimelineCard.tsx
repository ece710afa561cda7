import { Tab, TabList } from "@fluentui/react-components";
import { useMemo } from "react";
import { Link } from "react-router";
import type { IncidentDetail } from "../../api/alertTypes";
import { ALERT_SEVERITIES, alertPath } from "../../lib/alerts";
import { formatTime, plural, shorten } from "../../lib/format";
import { timelineOf, type Mark, type TimelineRows } from "../../lib/timeline";
import { useUrlState } from "../../lib/useUrlState";
import { useWidth } from "../../lib/useWidth";

/** Below this width the names of lanes stand above them. */
const NARROW = 640;
const NAMES = 168;
const AXIS = 26;
/** What a name above its lane takes. */
const HEAD = 16;
const EDGE = 14;
const RADIUS = 7;

/** What happened when, along the kill chain: a mark for each alert, which opens it. */
export function TimelineCard({ incident }: { incident: IncidentDetail }) {
  const { values, set } = useUrlState(["rows"]);
  const by: TimelineRows = values.rows === "subject" ? "subject" : "step";
  const { ref, width } = useWidth<HTMLDivElement>();
  return (
    <section className="card stack" aria-label="Time line">
      <div className="row spread">
        <h2>Time line</h2>
        <ul className="plain legend small muted">{ALERT_SEVERITIES.map((name) => <li key={name} style={{ gap: 5 }}><span className={`swatch round mark-${name}`} aria-hidden />{name}</li>)}</ul>
      </div>
      <div className="tabs-scroll" style={{ paddingInlineStart: 0 }}>
        <TabList size="small" selectedValue={by} onTabSelect={(_, data) => set({ rows: data.value === "subject" ? "subject" : "" })}>
          <Tab value="step">By step of the attack</Tab>
          <Tab value="subject">By what was attacked</Tab>
        </TabList>
      </div>
      <div ref={ref} className="timeline">{width > 0 && <Drawing incident={incident} by={by} width={width} />}</div>
    </section>
  );
}

function Drawing({ incident, by, width }: { incident: IncidentDetail; by: TimelineRows; width: number }) {
  const isNarrow = width < NARROW;
  const left = isNarrow ? EDGE : NAMES + EDGE;
  const right = width - EDGE;
  const { lanes, marks, ticks, height } = useMemo(() => timelineOf(incident, by, [left, right]), [incident, by, left, right]);
  const heads = isNarrow ? HEAD : 0;
  const laneOf = (y: number) => lanes.findIndex((lane) => y >= lane.top && y < lane.top + lane.height);
  const whole = height + heads * lanes.length;
  return (
    <svg width={width} height={whole + AXIS} viewBox={`0 0 ${width} ${whole + AXIS}`} role="group" aria-label={`${plural(marks.length, "alert")} from ${formatTime(incident.start)} to ${formatTime(incident.end)}`}>
      {lanes.map((lane, at) => {
        const top = lane.top + heads * at;
        return (
          <g key={lane.key}>
            <rect className={at % 2 === 0 ? "lane" : "lane odd"} x={0} y={top} width={width} height={lane.height + heads} />
            <text className="lane-text" x={8} y={isNarrow ? top + 14 : top + lane.height / 2 + 4}><title>{lane.title}</title>{shorten(lane.title, isNarrow ? 44 : 23)}</text>
          </g>
        );
      })}
      {ticks.map(({ x, time }, at) => (
        <g key={at}>
          <line className="grid-line" x1={x} x2={x} y1={0} y2={whole} />
          <text className="axis-text" x={x} y={whole + 17} textAnchor={ticks.length === 1 ? "middle" : at === 0 ? (isNarrow ? "start" : "middle") : at === ticks.length - 1 ? "end" : "middle"}>{tickText(time, incident)}</text>
        </g>
      ))}
      {marks.map((mark) => <Dot key={`${mark.id} ${mark.time}`} mark={mark} shift={heads * (laneOf(mark.y) + 1)} />)}
    </svg>
  );
}

function Dot({ mark, shift }: { mark: Mark; shift: number }) {
  const text = `${formatTime(mark.time)}: ${mark.text} (${mark.severity})`;
  return (
    <Link to={alertPath(mark.id)} className="dot" aria-label={text}>
      <title>{text}</title>
      <circle className={`mark-${mark.severity}`} cx={mark.x} cy={mark.y + shift} r={RADIUS} />
    </Link>
  );
}

const DAY = 86_400_000;
const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", day: "numeric", month: "short" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** As exact as the length of the whole asks for. */
function tickText(time: number, { start, end }: Pick<IncidentDetail, "start" | "end">): string {
  const length = Date.parse(end) - Date.parse(start);
  return (length > 6 * DAY ? days : length > 600_000 ? hours : seconds).format(new Date(time));
}
