import type { ComplianceControl, ComplianceState, Scope, StandardRow } from "../api/complianceTypes";
import { address } from "../api/client";
import { formatPercent } from "./format";

export const STATES: readonly ComplianceState[] = ["Failed", "Unknown", "Passed", "Manual", "NotCovered", "NotApplicable"];

export const sharesOf = (row: Pick<StandardRow, "controlsByState">) => STATES.map((name) => ({ name, count: row.controlsByState[name] ?? 0 }));

/** Controls that match, with the controls above them; a control that matches by text keeps all that is below it. */
export function filterControls(controls: readonly ComplianceControl[], text: string, state: string, titleOf: (check: string) => string = (id) => id): ComplianceControl[] {
  const part = text.trim().toLowerCase();
  return controls.flatMap((control) => {
    const names = () => (control.checks ?? []).flatMap((check) => [check, titleOf(check)]);
    const isNamed = !part || [control.id, control.title, ...names()].some((word) => word.toLowerCase().includes(part));
    const below = filterControls(control.controls ?? [], isNamed ? "" : text, state, titleOf);
    const isLeaf = (control.controls ?? []).length === 0;
    const isKept = below.length > 0 || (isLeaf && isNamed && (!state || control.state === state));
    return isKept ? [{ ...control, controls: below }] : [];
  });
}

export type StateCounts = Partial<Record<ComplianceState, number>>;

/** The lowest-level controls below a section, by state. */
export function countLeaves(controls: readonly ComplianceControl[], counts: StateCounts = {}): StateCounts {
  for (const control of controls) {
    const below = control.controls ?? [];
    if (below.length > 0) countLeaves(below, counts);
    else counts[control.state] = (counts[control.state] ?? 0) + 1;
  }
  return counts;
}

export const totalOf = (counts: StateCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** What could not be read is told apart: it is neither passed nor failed. */
export function passedSentence(row: Pick<StandardRow, "percentage" | "controlsByState">): string {
  const { Passed = 0, Failed = 0, Unknown = 0 } = row.controlsByState;
  if (row.percentage === undefined || row.percentage === null) return Unknown > 0 ? `Nothing could be judged; ${Unknown} unknown` : "Nothing to judge here";
  const unknown = Unknown > 0 ? `; ${Unknown} more could not be judged` : "";
  return `${formatPercent(row.percentage)} passed: ${Passed} of ${Passed + Failed} judged controls${unknown}`;
}

export type ReportFormat = "csv" | "pdf";

export const reportAddress = (id: string, scope: Scope, format: ReportFormat): string =>
  address(`/compliance/${encodeURIComponent(id)}/report`, { format, ...scope });
