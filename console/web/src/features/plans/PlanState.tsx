import { ArrowDown12Regular, CheckmarkCircle16Filled, CircleOff16Regular, LockClosed12Regular, QuestionCircle16Filled } from "@fluentui/react-icons";
import type { Pricing } from "../../api/planTypes";
import { isOn } from "../../lib/plans";
import { scopeText } from "../../lib/scopes";

/** On or off, with the sub-plan, and whether that comes from above or binds what is below. */
export function PlanState({ pricing }: { pricing: Pricing | undefined }) {
  if (!pricing) return <span className="badge tone-Unknown"><QuestionCircle16Filled aria-hidden />Not told</span>;
  const on = isOn(pricing);
  return (
    <span className="stack" style={{ gap: 0, alignItems: "flex-start" }}>
      <span className={`badge ${on ? "tone-Healthy" : "tone-NotApplicable"}`}>
        {on ? <CheckmarkCircle16Filled aria-hidden /> : <CircleOff16Regular aria-hidden />}{on ? "On" : "Off"}
      </span>
      {on && pricing.subPlan && <span className="small muted breakable">{pricing.subPlan}</span>}
      {pricing.inherited && (
        <span className="badge small muted" title={pricing.inheritedFrom ? `From: ${scopeText(pricing.inheritedFrom)}` : undefined}><ArrowDown12Regular aria-hidden />Inherited</span>
      )}
      {pricing.enforce && <span className="badge small muted" title="Resources below cannot differ"><LockClosed12Regular aria-hidden />Enforced</span>}
    </span>
  );
}
