import { Button, Switch } from "@fluentui/react-components";
import { Delete16Regular, Edit16Regular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { removeRule, saveRule } from "../../api/alertQueries";
import { useMay } from "../../api/peopleQueries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DataTable } from "../../components/DataTable";
import { OpenDialog } from "../../components/FormDialog";
import { Problem } from "../../components/Problem";
import { Day } from "../../components/Time";
import { useSay } from "../../components/useSay";
import { SUPPRESSION_DELETE, SUPPRESSION_WRITE } from "../../lib/actions";
import { conditionText, draftOfRule, EVERY_TYPE, isSimple, stateOf, type OwnedRule } from "../../lib/suppression";
import { RuleForm } from "./RuleForm";
import { useDetections } from "./useDetections";

export function RuleTable({ rules, titleOf }: { rules: readonly OwnedRule[]; titleOf: (subscription: string) => string }) {
  const may = useMay();
  const detections = useDetections();
  const detectionTitle = (type: string) => (type === EVERY_TYPE ? "Every alert" : detections.find((own) => own.id.toLowerCase() === type.toLowerCase())?.title);
  const canChange = may(SUPPRESSION_WRITE) || may(SUPPRESSION_DELETE);
  return (
    <DataTable
      label="Suppression rules" groups={[{ key: "", title: null, rows: rules }]} rowKey={({ rule }) => rule.id} rowName={({ rule }) => rule.name}
      columns={[
        {
          key: "name", header: "Rule", isLead: true,
          cell: ({ rule, subscription }) => <><strong className="breakable">{rule.name}</strong><div className="small muted">{titleOf(subscription)}</div></>,
        },
        { key: "fits", header: "Dismisses", width: "28%", cell: ({ rule }) => <Fits rule={rule} title={detectionTitle(rule.properties.alertType)} /> },
        { key: "reason", header: "Reason", width: "18%", cell: ({ rule }) => <><bdi>{rule.properties.reason}</bdi>{rule.properties.comment && <div className="small muted pre-wrap"><bdi>{rule.properties.comment}</bdi></div>}</> },
        { key: "expires", header: "Expires", width: "118px", cell: ({ rule }) => (rule.properties.expirationDateUtc ? <Day at={rule.properties.expirationDateUtc} /> : "Never") },
        { key: "state", header: "State", width: "128px", cell: (row) => <State row={row} canWrite={may(SUPPRESSION_WRITE)} /> },
        ...(canChange ? [{ key: "action", header: "Action", width: "96px", cell: (row: OwnedRule) => <Actions row={row} rules={rules} /> }] : []),
      ]}
    />
  );
}

function Fits({ rule, title }: { rule: OwnedRule["rule"]; title: string | undefined }) {
  const { alertType, suppressionAlertsScope } = rule.properties;
  const conditions = suppressionAlertsScope?.allOf ?? [];
  return (
    <div className="stack" style={{ gap: 2 }}>
      <span className="breakable">{title ?? alertType}{title && title !== alertType && alertType !== EVERY_TYPE && <span className="small muted"> {alertType}</span>}</span>
      {conditions.map((one, at) => <span className="small muted breakable" key={at}>{at === 0 ? "where " : "and "}<bdi>{conditionText(one)}</bdi></span>)}
    </div>
  );
}

function State({ row, canWrite }: { row: OwnedRule; canWrite: boolean }) {
  const { properties, name } = row.rule;
  const state = stateOf(properties);
  const turning = useMutation({ mutationFn: (isOn: boolean) => saveRule(row.subscription, name, { ...properties, state: isOn ? "Enabled" : "Disabled" }) });
  // Switching on what has expired would do nothing: its end has to be changed first.
  if (state === "Expired" || !canWrite) return <span className={state === "On" ? "tone-Healthy" : "tone-NotApplicable"}>{state}</span>;
  return (
    <>
      <Switch checked={turning.isPending ? turning.variables : state === "On"} disabled={turning.isPending} label={state} aria-label={`${name}: on`} onChange={(_, data) => turning.mutate(data.checked)} />
      {turning.error && <Problem text={turning.error.message} />}
    </>
  );
}

function Actions({ row, rules }: { row: OwnedRule; rules: readonly OwnedRule[] }) {
  const say = useSay();
  const may = useMay();
  const { name, properties } = row.rule;
  const remove = async () => {
    await removeRule(row.subscription, name);
    say("Suppression rule deleted", "What it dismissed stays dismissed.");
  };
  return (
    <span className="row" style={{ gap: 4, flexWrap: "nowrap" }}>
      {may(SUPPRESSION_WRITE) && (isSimple(properties) ? (
        <OpenDialog trigger={<Button size="small" icon={<Edit16Regular />} aria-label={`Edit ${name}`} title="Edit" />}>
          {(close) => <RuleForm title="Change the suppression rule" draft={draftOfRule(row)} changed={row} others={rules} onDone={close} />}
        </OpenDialog>
      ) : <Button size="small" icon={<Edit16Regular />} disabled aria-label={`Edit ${name}`} title="It was made through the API, with conditions that this form cannot show" />)}
      {may(SUPPRESSION_DELETE) && (
        <ConfirmDialog trigger={<Button size="small" icon={<Delete16Regular />} aria-label={`Delete ${name}`} title="Delete" />} title="Delete the suppression rule?" action="Delete" onConfirm={remove}>
          <p>Alerts that “{name}” fitted are active again when they come. Those that it dismissed stay dismissed.</p>
        </ConfirmDialog>
      )}
    </span>
  );
}
