import type { BesideDefender, Compared, MatchedBy, Why } from "../api/defenderTypes";
import { formatCount } from "./format";

export const MATCH_WORDS: Record<MatchedBy, string> = { key: "Assessment key", title: "Title", policy: "Built-in policy" };

/** Why two verdicts differ, in words that follow a number as well. */
export const WHY_WORDS: Record<Why, string> = {
  unhealthyThere: "unhealthy only at Defender",
  unhealthyHere: "unhealthy only here",
  oursUnknown: "unknown here",
  oursNotApplicable: "not applicable here",
  theirsNotApplicable: "not applicable at Defender",
  notInTheirs: "judged only here",
  notInOurs: "judged only by Defender",
  otherType: "judged by Defender on another type of resource",
};

/** `2 unknown here`: each reason with its count, the most frequent first. */
export function whyTexts(why: Compared["why"]): string[] {
  const counted = Object.entries(why) as [Why, number][];
  return counted.sort((a, b) => b[1] - a[1]).map(([name, count]) => `${formatCount(count)} ${WHY_WORDS[name] ?? name}`);
}

const CONTRADICTIONS: readonly Why[] = ["unhealthyThere", "unhealthyHere"];

/** How far both agree over recommendations: contradictions, what is unknown here, and what only one of both judges are told apart. */
export function agreementOf(rows: readonly Pick<Compared, "same" | "resources" | "why">[]) {
  const sum = (count: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + count(row), 0);
  const [same, resources, unknown] = [sum((row) => row.same), sum((row) => row.resources), sum((row) => row.why.oursUnknown ?? 0)];
  const opposite = sum((row) => CONTRADICTIONS.reduce((total, name) => total + (row.why[name] ?? 0), 0));
  const shares = [
    { name: "Passed", label: "Both say the same", count: same },
    { name: "Failed", label: "They contradict each other", count: opposite },
    { name: "Unknown", label: "Unknown here", count: unknown },
    { name: "NotApplicable", label: "Only one of both judges", count: Math.max(0, resources - same - opposite - unknown) },
  ];
  return { same, resources, shares };
}

interface ComparedFilter {
  q: string;
  isDifferent: boolean;
}

/** Rows whose titles, ids or differing resources hold a text; they keep their order. */
export function filterCompared(rows: readonly Compared[], { q, isDifferent }: ComparedFilter, titleOf: (id: string) => string): Compared[] {
  const part = q.trim().toLowerCase();
  const holds = (text: string) => text.toLowerCase().includes(part);
  const isNamed = (row: Compared) => [row.title, row.key, ...row.ours, ...row.ours.map(titleOf), ...row.differences.map((own) => own.resource)].some(holds);
  return rows.filter((row) => (!isDifferent || row.same < row.resources) && (!part || isNamed(row)));
}

const PARTS: Record<string, string> = { assessments: "Assessments", score: "Secure score", exemptions: "Exemptions", alerts: "Alerts" };

export interface Unread {
  part: string;
  reason: string;
  accounts: string[];
}

/** What could not be read, once for each part and reason. */
export function groupUnread(unread: BesideDefender["unread"]): Unread[] {
  const groups = new Map<string, Unread>();
  for (const [account, parts] of Object.entries(unread)) {
    for (const [name, reason] of Object.entries(parts)) {
      const key = JSON.stringify([name, reason]);
      const known = groups.get(key);
      if (known) known.accounts.push(account);
      else groups.set(key, { part: PARTS[name] ?? name, reason, accounts: [account] });
    }
  }
  return [...groups.values()];
}

/** What asks Defender about a connector; a name that a shell would take apart is quoted. */
export function adoptCommand(connector: string): string {
  const isPlain = /^\w[\w.-]*$/.test(connector);
  return `skywarden adopt azure --connector${isPlain ? ` ${connector}` : `='${connector.replaceAll("'", "'\\''")}'`}`;
}

/** The page that shows the answer. */
export const besidePath = (connector: string): string => `/connectors/${encodeURIComponent(connector)}/defender`;
