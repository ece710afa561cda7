import { CheckmarkCircle16Filled, LockClosed16Filled, Prohibited16Regular } from "@fluentui/react-icons";
import type { Principal } from "../api/peopleTypes";
import { formatTime } from "../lib/format";
import { isLocked } from "../lib/people";

/** Whether an account can be used: the lock of too many attempts passes, being disabled does not. */
export function PrincipalBadges({ principal }: { principal: Principal }) {
  const isEnabled = principal.state === "Enabled";
  return (
    <span className="stack" style={{ gap: 0, alignItems: "flex-start" }}>
      {isEnabled
        ? <span className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />Enabled</span>
        : <span className="badge tone-NotApplicable"><Prohibited16Regular aria-hidden />Disabled</span>}
      {isLocked(principal) && (
        <span className="badge tone-Unknown" title={`Until ${formatTime(principal.lockedUntil ?? "")}`}><LockClosed16Filled aria-hidden />Locked</span>
      )}
    </span>
  );
}
