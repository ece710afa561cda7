import type { AlertRow, AlertSeverity, IncidentDetail } from "../api/alertTypes";
import { subjectOf } from "./alerts";
import { shortName } from "./ids";
import { inOrder, intentTitle } from "./killChain";

export type TimelineRows = "step" | "subject";

export interface Mark {
  /** The alert. */
  id: string;
  time: string;
  text: string;
  severity: AlertSeverity;
  x: number;
  y: number;
}

export interface Lane {
  key: string;
  title: string;
  /** Its upper edge. */
  top: number;
  height: number;
}

export interface Timeline {
  lanes: Lane[];
  marks: Mark[];
  ticks: { x: number; time: number }[];
  height: number;
}

/** Pixels between the middles of marks that must not cover each other. */
const APART = 18;

/** Marks above each other in a lane at most; where there are more, they cover each other. */
const MOST_LEVELS = 5;

const LANE = 16;

/** Where what happened is drawn between `left` and `right`: time across, steps of the attack or what was attacked down. */
export function timelineOf(incident: Pick<IncidentDetail, "timeline" | "alerts">, by: TimelineRows, [left, right]: [number, number]): Timeline {
  const alerts = new Map(incident.alerts.map((alert) => [alert.id, alert]));
  const moments = [...incident.timeline].sort((a, b) => a.time.localeCompare(b.time));
  const keyOf = (moment: { alert: string; intent: string }): string => (by === "step" ? moment.intent : subjectIn(alerts, moment.alert));
  const keys = by === "step" ? inOrder(moments.map(keyOf)) : [...new Set(moments.map(keyOf))];
  const times = moments.map((moment) => Date.parse(moment.time));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const xOf = (time: number): number => (last === first ? (left + right) / 2 : left + ((time - first) / (last - first)) * (right - left));
  const lanes: Lane[] = [];
  const marks: Mark[] = [];
  let top = 0;
  for (const key of keys) {
    const ends: number[] = [];
    const own = moments.filter((moment) => keyOf(moment) === key).map((moment) => {
      const x = xOf(Date.parse(moment.time));
      const level = levelOf(ends, x);
      ends[level] = x;
      return { id: moment.alert, time: moment.time, text: moment.text, severity: alerts.get(moment.alert)?.severity ?? ("Informational" as const), x, y: top + LANE + level * APART };
    });
    const height = 2 * LANE + Math.max(0, ends.length - 1) * APART;
    lanes.push({ key, title: by === "step" ? intentTitle(key) : shortName(key), top, height });
    marks.push(...own);
    top += height;
  }
  return { lanes, marks, ticks: ticksOf(first, last, right - left).map((time) => ({ time, x: xOf(time) })), height: top };
}

const subjectIn = (alerts: ReadonlyMap<string, AlertRow>, id: string): string => {
  const alert = alerts.get(id);
  return alert ? subjectOf(alert) : "Not known";
};

/** The first level on which there is room. */
function levelOf(ends: readonly number[], x: number): number {
  const free = ends.findIndex((end) => x - end >= APART);
  if (free >= 0) return free;
  return Math.min(ends.length, MOST_LEVELS - 1);
}

/** Both ends and what lies evenly between, as far as there is room for their words. */
function ticksOf(first: number, last: number, width: number): number[] {
  if (!Number.isFinite(first)) return [];
  if (first === last) return [first];
  const n = Math.max(1, Math.min(6, Math.floor(width / 130)));
  return Array.from({ length: n + 1 }, (_, at) => first + ((last - first) * at) / n);
}
