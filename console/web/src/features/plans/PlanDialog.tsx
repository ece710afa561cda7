import { Checkbox, Field, Select, Switch } from "@fluentui/react-components";
import { useState } from "react";
import { queryClient } from "../../api/queries";
import { savePricing } from "../../api/planQueries";
import type { Plan, PlanSubscription, Pricing } from "../../api/planTypes";
import { FieldGroup } from "../../components/FieldGroup";
import { DialogForm } from "../../components/FormDialog";
import { useSay } from "../../components/useSay";
import { changeOf, draftOf, titleOf } from "../../lib/plans";

interface Props {
  plan: Plan;
  subscription: PlanSubscription;
  pricing: Pricing | undefined;
  onDone: () => void;
}

/** Switches a plan on or off in a subscription, with its parts. */
export function PlanDialog({ plan, subscription, pricing, onDone }: Props) {
  const say = useSay();
  const [draft, setDraft] = useState(() => draftOf(plan, pricing));
  const set = (changes: Partial<typeof draft>) => setDraft({ ...draft, ...changes });
  const save = async () => {
    await savePricing(subscription.id, plan.name, changeOf(draft));
    onDone();
    say(`${plan.title} is ${draft.isOn ? "on" : "off"}`, `In ${titleOf(subscription)}. It takes effect when that is next assessed.`);
    // Scores, counts and recommendations follow a plan.
    await queryClient.invalidateQueries();
  };
  return (
    <DialogForm title={`${plan.title} in ${titleOf(subscription)}`} action="Save" isReady={() => true} onSubmit={save}>
      <Switch checked={draft.isOn} label={draft.isOn ? "On" : "Off: none of its work is done in this subscription"} onChange={(_, data) => set({ isOn: data.checked })} />
      {draft.isOn && plan.subPlans.length > 0 && (
        <Field label="Sub-plan">
          <Select value={draft.subPlan} onChange={(_, data) => set({ subPlan: data.value })}>{plan.subPlans.map((name) => <option key={name} value={name}>{name}</option>)}</Select>
        </Field>
      )}
      {draft.isOn && plan.extensions.length > 0 && (
        <FieldGroup label="Extensions">
          <div className="stack" style={{ gap: 0 }}>
            {plan.extensions.map((one) => (
              <Checkbox key={one.name} label={one.title} checked={draft.extensions.get(one.name) ?? false} onChange={(_, data) => set({ extensions: new Map(draft.extensions).set(one.name, data.checked === true) })} />
            ))}
          </div>
        </FieldGroup>
      )}
      <Checkbox label="Enforce: what lies in the subscription cannot be set otherwise" checked={draft.isEnforced} onChange={(_, data) => set({ isEnforced: data.checked === true })} />
      {pricing?.inherited && <p className="small muted">The present state is inherited; saving sets one of the subscription&apos;s own.</p>}
    </DialogForm>
  );
}
