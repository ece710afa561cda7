import { Button, Checkbox, Field, Select } from "@fluentui/react-components";
import { Beaker16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { simulate } from "../../api/alertQueries";
import { FieldGroup } from "../../components/FieldGroup";
import { DialogForm, OpenDialog } from "../../components/FormDialog";
import { Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { BUNDLES } from "../../lib/alerts";
import { sentence } from "../../lib/format";
import { useSubscriptions } from "../suppression/useSubscriptions";

/** Makes sample alerts, so that people see what alerts look like and try what follows from them. */
export function SimulateDialog() {
  return (
    <OpenDialog trigger={<Button icon={<Beaker16Regular />}>Make sample alerts</Button>}>
      {(close) => <SimulateForm onDone={close} />}
    </OpenDialog>
  );
}

function SimulateForm({ onDone }: { onDone: () => void }) {
  const say = useSay();
  const { data: subscriptions = [], error, isPending } = useSubscriptions();
  const [subscription, setSubscription] = useState("");
  const [bundles, setBundles] = useState<ReadonlySet<string>>(new Set());
  const [isChecked, setIsChecked] = useState(false);
  const toggle = (name: string, isOn: boolean) => setBundles(new Set(isOn ? [...bundles, name] : [...bundles].filter((own) => own !== name)));
  const where = subscription || subscriptions[0]?.id || "";
  const isAll = bundles.size === BUNDLES.length;
  const isReady = () => {
    setIsChecked(true);
    return bundles.size > 0 && where !== "";
  };
  const make = async () => {
    await simulate(where, [...bundles]);
    onDone();
    say("Sample alerts made", "Their titles are marked; nothing happened.");
  };
  return (
    <DialogForm title="Make sample alerts" action="Make" isReady={isReady} onSubmit={make}>
      <p>Three of each plan, by its own detections, from attacks that are written for their tests. They are marked as samples, and can be dismissed like any other.</p>
      <Field label="In which subscription" validationMessage={error ? `Subscriptions could not be read: ${error.message}` : where || isPending ? undefined : "There is none: connect an environment first."}>
        <Select value={where} onChange={(_, data) => setSubscription(data.value)}>{subscriptions.map((own) => <option key={own.id} value={own.id}>{own.title}</option>)}</Select>
      </Field>
      <FieldGroup label="Of which plans">
        <Checkbox label="All of these" checked={isAll ? true : bundles.size > 0 ? "mixed" : false} onChange={() => setBundles(new Set(isAll ? [] : BUNDLES.map(({ name }) => name)))} />
        <div className="two-fields" style={{ gap: 0, paddingInlineStart: 16 }}>
          {BUNDLES.map(({ name, title }) => <Checkbox key={name} label={title} checked={bundles.has(name)} onChange={(_, data) => toggle(name, data.checked === true)} />)}
        </div>
        {isChecked && bundles.size === 0 && <Problem text={sentence("choose at least one plan")} />}
      </FieldGroup>
    </DialogForm>
  );
}
