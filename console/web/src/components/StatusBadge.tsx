import {
  CheckmarkCircle16Filled, CircleOff16Regular, DismissCircle16Filled, PersonAvailable16Regular, QuestionCircle16Filled, SubtractCircle16Regular,
} from "@fluentui/react-icons";
import type { ComplianceState } from "../api/complianceTypes";
import type { Status } from "../api/types";
import { words } from "../lib/format";

const ICONS = {
  Healthy: CheckmarkCircle16Filled,
  Passed: CheckmarkCircle16Filled,
  Unhealthy: DismissCircle16Filled,
  Failed: DismissCircle16Filled,
  Unknown: QuestionCircle16Filled,
  NotApplicable: SubtractCircle16Regular,
  Manual: PersonAvailable16Regular,
  NotCovered: CircleOff16Regular,
};

/** Icon, colour and word: the colour is never the only sign. */
export function StatusBadge({ status }: { status: Status | ComplianceState }) {
  const Icon = ICONS[status] ?? QuestionCircle16Filled;
  return (
    <span className={`badge tone-${status}`}>
      <Icon aria-hidden />
      {words(status)}
    </span>
  );
}

/** A count with the icon of its status; the word is for screen readers and the tooltip. */
export function StatusCount({ status, count, text, isWordy = false }: { status: Status; count: number; text: string; isWordy?: boolean }) {
  const Icon = ICONS[status];
  return (
    <span className={`badge number ${count > 0 ? `tone-${status}` : "muted"}`} title={words(status)}>
      <Icon aria-hidden />
      {text}
      <span className={isWordy ? "badge-word" : "visually-hidden"}>{words(status).toLowerCase()}</span>
    </span>
  );
}
