const whole = new Intl.NumberFormat();
const oneDigit = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const decimals = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const dateOnly = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const formatCount = (count: number): string => whole.format(count);
export const formatPercent = (ratio: number): string => oneDigit.format(ratio);
export const formatPoints = (points: number): string => decimals.format(points);

/** A text that is no time stays as it is. */
function formatWith(format: Intl.DateTimeFormat, at: string): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : format.format(time);
}

export const formatTime = (at: string): string => formatWith(dateTime, at);
export const formatDate = (at: string): string => formatWith(dateOnly, at);
/** With the day of the week, seconds and the zone. */
export const formatFull = (at: string): string => formatWith(full, at);

/** `1 check`, `2 checks`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `dataExfiltration` and `NotApplicable` as words: `Data exfiltration`, `Not applicable`. */
export function words(name: string): string {
  const spaced = name.replace(/[-_]+/g, " ").replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** Connectors and standards call them differently. */
const ENVIRONMENTS: Record<string, string> = {
  Aws: "AWS", Gcp: "GCP", OnPremise: "Own machines", aws: "AWS", azure: "Azure", gcp: "GCP", host: "Own machines", kubernetes: "Kubernetes",
};

export const environmentName = (environment: string): string => ENVIRONMENTS[environment] ?? environment;

/** The server writes single sentences, some without capital or full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  // A message may begin with the name of a field or an operation, which keeps its letters.
  const isName = /^[^\s]*[.:[\]_/]\S/.test(trimmed);
  const begun = isName ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** For titles and tooltips of what a browser should not lay out in full. */
export function shorten(text: string, limit = 200): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}
