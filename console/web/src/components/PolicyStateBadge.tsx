import {
  ArrowSwap16Regular, CheckmarkCircle16Filled, DismissCircle16Filled, LockClosed16Regular, PersonAvailable16Regular, QuestionCircle16Filled, ShieldDismiss16Regular,
} from "@fluentui/react-icons";
import type { PolicyState } from "../api/policyTypes";
import { formatCount } from "../lib/format";
import { stateColour, stateWord } from "../lib/policy";

const ICONS = {
  NonCompliant: DismissCircle16Filled,
  Unread: QuestionCircle16Filled,
  Conflict: ArrowSwap16Regular,
  Unknown: PersonAvailable16Regular,
  Compliant: CheckmarkCircle16Filled,
  Exempt: ShieldDismiss16Regular,
  Protected: LockClosed16Regular,
};

/** Icon, colour and word: the colour is never the only sign. */
export function PolicyStateBadge({ state }: { state: PolicyState }) {
  const Icon = ICONS[state] ?? QuestionCircle16Filled;
  return (
    <span className={`badge tone-${stateColour(state)}`}>
      <Icon aria-hidden />
      {stateWord(state)}
    </span>
  );
}

/** A count with the icon of its state; the word is for screen readers, the tooltip and narrow screens. */
export function PolicyStateCount({ state, count }: { state: PolicyState; count: number }) {
  const Icon = ICONS[state] ?? QuestionCircle16Filled;
  return (
    <span className={`badge number ${count > 0 ? `tone-${stateColour(state)}` : "muted"}`} title={stateWord(state)}>
      <Icon aria-hidden />
      {formatCount(count)}
      <span className="visually-hidden">{stateWord(state).toLowerCase()}</span>
    </span>
  );
}
