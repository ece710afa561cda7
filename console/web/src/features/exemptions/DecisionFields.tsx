import { Field, Input, Radio, RadioGroup, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import type { ExemptionCategory } from "../../api/types";
import { endOfDay, tomorrow } from "../../lib/dates";

/** Why something is set aside, and until when: what every exemption needs. */
export function useDecision() {
  const [category, setCategory] = useState<ExemptionCategory>("Waiver");
  const [reason, setReason] = useState("");
  const [expires, setExpires] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const problem = reason.trim() ? undefined : "Give a reason, so that others understand this later.";
  const dateProblem = expires && expires < tomorrow() ? "Choose a day from tomorrow on." : undefined;
  /** What was decided; `undefined` where something is missing, which the fields then show. */
  const decide = () => {
    setIsChecked(true);
    if (problem || dateProblem) return undefined;
    return { category, reason: reason.trim(), expiresAt: expires ? endOfDay(expires) : undefined };
  };
  const fields = (
    <>
      <Field label="Why it does not have to be mended">
        <RadioGroup value={category} onChange={(_, data) => setCategory(data.value as ExemptionCategory)}>
          <Radio value="Waiver" label={<><strong>Waiver</strong>: we accept the risk. The resource no longer counts here.</>} />
          <Radio value="Mitigated" label={<><strong>Mitigated</strong>: something that Skywarden cannot see protects it.</>} />
        </RadioGroup>
      </Field>
      <Field label="Reason" required validationMessage={isChecked ? problem : undefined}>
        <Textarea value={reason} maxLength={1000} rows={3} onChange={(_, data) => setReason(data.value)} />
      </Field>
      <Field label="Expires on" hint="Leave empty for an exemption without end." validationMessage={dateProblem}>
        <Input type="date" min={tomorrow()} value={expires} onChange={(_, data) => setExpires(data.value)} />
      </Field>
    </>
  );
  return { fields, decide };
}
