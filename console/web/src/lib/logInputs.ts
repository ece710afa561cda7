import type { LogInput, LogInputState } from "../api/alertTypes";
import { formatCount, formatPoints, plural } from "./format";

export type InputTone = "Healthy" | "NotApplicable" | "Unhealthy" | "Unknown";

/** What failed was not read, and what brought nothing may be no log at all: neither is fine. */
const TONES: Record<LogInputState, InputTone> = { Reading: "Healthy", Quiet: "NotApplicable", Failing: "Unhealthy", NothingYet: "Unknown" };

export const toneOf = (state: LogInputState): InputTone => TONES[state] ?? "Unknown";

const RANK: Record<InputTone, number> = { Unhealthy: 0, Unknown: 1, NotApplicable: 2, Healthy: 3 };

/** What needs a person comes first. */
export const inOrderOfNeed = (inputs: readonly LogInput[]): LogInput[] => [...inputs].sort((a, b) => RANK[toneOf(a.state)] - RANK[toneOf(b.state)] || a.id.localeCompare(b.id));

export const countStates = (inputs: readonly LogInput[]): Record<InputTone, number> => {
  const counts: Record<InputTone, number> = { Healthy: 0, NotApplicable: 0, Unhealthy: 0, Unknown: 0 };
  inputs.forEach((one) => (counts[toneOf(one.state)] += 1));
  return counts;
};

/** `4.2 a second`; what is rare, by minute. */
export function rateText(perSecond: number): string {
  if (perSecond <= 0) return "None in the last minute";
  return perSecond < 0.1 ? `${formatPoints(perSecond * 60)} a minute` : `${perSecond < 10 ? formatPoints(perSecond) : formatCount(Math.round(perSecond))} a second`;
}

/** A length of time by its largest part. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return plural(whole, "second");
  if (whole < 3_600) return plural(Math.floor(whole / 60), "minute");
  return whole < 172_800 ? plural(Math.floor(whole / 3_600), "hour") : plural(Math.floor(whole / 86_400), "day");
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB", "PB"];

export function bytesText(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? formatCount(bytes) : formatPoints(Number((bytes / 1_000 ** power).toPrecision(3)))} ${UNITS[power]}`;
}

/** What waits at the source: files tell bytes, others messages. */
export function behindText({ from, behind }: Pick<LogInput, "from" | "behind">): string {
  if (typeof behind !== "number") return "Not told by this kind of input";
  return from === "file" || from === "audit" ? bytesText(behind) : plural(behind, "message");
}

/** The kinds of inputs in words; one of a later server keeps its name. */
const KINDS: Record<string, string> = {
  file: "Files", syslog: "Syslog", journald: "Journal of systemd", audit: "Audit of Linux", http: "Posts over HTTP", nats: "NATS", kafka: "Kafka", s3: "Amazon S3", pubsub: "Google Pub/Sub",
};

export const kindText = (from: string): string => KINDS[from] ?? from;
