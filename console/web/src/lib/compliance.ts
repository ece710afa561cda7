import type { ComplianceControl } from "../api/types";

/** Controls that match, with the controls above them; a control that matches by text keeps all that is below it. */
export function filterControls(controls: readonly ComplianceControl[], text: string, state: string): ComplianceControl[] {
  const part = text.trim().toLowerCase();
  return controls.flatMap((control) => {
    const isNamed = !part || [control.id, control.title, ...(control.checks ?? [])].some((word) => word.toLowerCase().includes(part));
    const below = filterControls(control.controls ?? [], isNamed ? "" : text, state);
    const isLeaf = (control.controls ?? []).length === 0;
    const isKept = below.length > 0 || (isLeaf && isNamed && (!state || control.state === state));
    return isKept ? [{ ...control, controls: below }] : [];
  });
}
