import { Button, Checkbox, Field, Input, MessageBar, MessageBarBody, Tab, TabList, Textarea } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { ApiError, api } from "../../api/client";
import { useMayEverywhere, useSession } from "../../api/peopleQueries";
import { queryClient, useChecks, useKeptStandard } from "../../api/queries";
import type { CheckRow, KeptStandard, StandardFile } from "../../api/standardTypes";
import { FieldGroup } from "../../components/FieldGroup";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksPage } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { STANDARDS_WRITE } from "../../lib/actions";
import { environmentName, sentence } from "../../lib/format";
import { draftOf, ENVIRONMENTS, fileOf, newDraft, problemsOf, yamlOf, type Draft } from "../../lib/standardDraft";
import { ControlRows } from "./ControlRows";

/** Writes a standard of one's own, in a form or as YAML. */
export default function StandardFormPage() {
  const { id } = useParams();
  const session = useSession();
  const canWrite = useMayEverywhere()(STANDARDS_WRITE);
  if (session.data && !canWrite) return <Refused />;
  return id === undefined ? <NewStandard /> : <KnownStandard id={id} />;
}

function Refused() {
  return (
    <div className="page">
      <PageHead title="Standard" tabTitle="Standard" crumb={{ to: "/compliance", text: "Compliance" }} />
      <LacksPage action={STANDARDS_WRITE} what="write standards" />
    </div>
  );
}

function NewStandard() {
  const checks = useChecks();
  return (
    <div className="page">
      <PageHead title="New standard" tabTitle="New standard" crumb={{ to: "/compliance", text: "Compliance" }} lead="Your own controls, each answered by checks or by a person. It is judged as soon as it is saved." />
      <Loaded query={checks}>{(known) => <StandardForm checks={known} />}</Loaded>
    </div>
  );
}

function KnownStandard({ id }: { id: string }) {
  const checks = useChecks();
  const kept = useKeptStandard(id);
  const title = kept.data?.standard.title ?? "Standard";
  return (
    <div className="page">
      <PageHead title={`Edit ${title}`} tabTitle={`Edit ${title}`} crumb={{ to: `/compliance/${encodeURIComponent(id)}`, text: title }} />
      <Loaded query={kept}>
        {(known) => known.custom
          ? <Loaded query={checks}>{(rows) => <StandardForm checks={rows} kept={known} />}</Loaded>
          : <MessageBar intent="info"><MessageBarBody>This standard comes with the content and cannot be changed here.</MessageBarBody></MessageBar>}
      </Loaded>
    </div>
  );
}

type Way = "form" | "yaml";

function StandardForm({ checks, kept }: { checks: readonly CheckRow[]; kept?: KeptStandard }) {
  const navigate = useNavigate();
  const say = useSay();
  const [draft, setDraft] = useState<Draft | undefined>(() => (kept ? draftOf(kept.standard) : newDraft()));
  const [way, setWay] = useState<Way>(draft ? "form" : "yaml");
  const [yaml, setYaml] = useState(() => (kept ? yamlOf(kept.standard) : ""));
  const [isEdited, setIsEdited] = useState(false);
  const [isChecked, setIsChecked] = useState(false);
  const saving = useMutation({
    mutationFn: ({ id, text }: { id: string; text: string }) => api.putText<KeptStandard>(`/standards/${encodeURIComponent(id)}`, text),
    onSuccess: async ({ standard }: { standard: StandardFile }) => {
      say("Standard saved", standard.title);
      await queryClient.invalidateQueries();
      await navigate(`/compliance/${encodeURIComponent(standard.id)}`);
    },
  });
  const problems = draft ? problemsOf(draft) : new Map<string | number, string>();
  const change = (next: Draft) => {
    setDraft(next);
    saving.reset();
  };
  const choose = (next: Way) => {
    // Text that was not changed by hand follows the form.
    if (next === "yaml" && draft && !isEdited) setYaml(yamlOf(fileOf(draft)));
    saving.reset();
    setWay(next);
  };
  const save = () => {
    setIsChecked(true);
    if (way === "form") {
      if (!draft || problems.size > 0) return;
      saving.mutate({ id: kept?.standard.id ?? draft.id.trim(), text: JSON.stringify(fileOf(draft), null, 2) });
    } else {
      saving.mutate({ id: kept?.standard.id ?? idInYaml(yaml), text: yaml });
    }
  };
  return (
    <div className="stack wide">
      <TabList selectedValue={way} onTabSelect={(_, data) => choose(data.value as Way)}>
        <Tab value="form" disabled={!draft || isEdited}>Form</Tab>
        <Tab value="yaml">YAML</Tab>
      </TabList>
      {way === "form" && draft && <FormFields draft={draft} checks={checks} isNew={!kept} problems={isChecked ? problems : new Map()} onChange={change} />}
      {way === "yaml" && (
        <Field label="The standard as YAML" hint="As a file of content/standards: id, title, description, version, environments, controls with id, title, checks or manual, and controls below.">
          <Textarea
            className="code-field" rows={24} resize="vertical" value={yaml} spellCheck={false}
            onChange={(_, data) => {
              setYaml(data.value);
              setIsEdited(true);
              saving.reset();
            }}
          />
        </Field>
      )}
      {isChecked && way === "form" && problems.size > 0 && <MessageBar intent="error"><MessageBarBody>Something is missing; see the marked fields.{problems.get("controls") && ` ${problems.get("controls")}`}</MessageBarBody></MessageBar>}
      {saving.error && <Refusal error={saving.error} way={way} />}
      <div className="row">
        <Button appearance="primary" disabled={saving.isPending} onClick={save}>{saving.isPending ? "Saving…" : "Save"}</Button>
        <Button disabled={saving.isPending} onClick={() => void navigate(kept ? `/compliance/${encodeURIComponent(kept.standard.id)}` : "/compliance")}>Cancel</Button>
      </div>
    </div>
  );
}

/** The address needs the id that the text has; where none can be told, the server says what is wrong with the text. */
const idInYaml = (yaml: string): string => /^["']?id["']?\s*:\s*["']?([A-Za-z0-9._-]+)/m.exec(yaml)?.[1] ?? "standard";

/** Why the server did not take it: each mistake with its place, where there is one in what a person wrote. */
function Refusal({ error, way }: { error: Error; way: Way }) {
  const details = error instanceof ApiError ? error.details : [];
  return (
    <MessageBar intent="error" layout="multiline">
      <MessageBarBody>
        {details.length === 0 ? sentence(error.message) : (
          <>
            The standard is not saved:
            <ul>
              {details.map((one, index) => (
                <li key={index}>{way === "yaml" && <strong className="number">Line {one.line}, column {one.column}: </strong>}{sentence(one.message)} {one.help && sentence(one.help)}</li>
              ))}
            </ul>
          </>
        )}
      </MessageBarBody>
    </MessageBar>
  );
}

function FormFields({ draft, checks, isNew, problems, onChange }: { draft: Draft; checks: readonly CheckRow[]; isNew: boolean; problems: ReadonlyMap<string | number, string>; onChange: (draft: Draft) => void }) {
  const set = (changes: Partial<Draft>) => onChange({ ...draft, ...changes });
  const toggle = (environment: string) =>
    set({ environments: draft.environments.includes(environment) ? draft.environments.filter((one) => one !== environment) : [...draft.environments, environment] });
  return (
    <>
      <section className="card stack wide" aria-label="The standard">
        <div className="two-fields">
          <Field label="Id" required hint="It stands in addresses, and stays." validationMessage={problems.get("id")}>
            <Input value={draft.id} disabled={!isNew} maxLength={64} onChange={(_, data) => set({ id: data.value })} />
          </Field>
          <Field label="Version"><Input value={draft.version} maxLength={100} onChange={(_, data) => set({ version: data.value })} /></Field>
        </div>
        <Field label="Title" required validationMessage={problems.get("title")}><Input value={draft.title} maxLength={200} onChange={(_, data) => set({ title: data.value })} /></Field>
        <Field label="Description"><Textarea value={draft.description} rows={2} maxLength={2000} onChange={(_, data) => set({ description: data.value })} /></Field>
        <FieldGroup label="Environments" hint="Where its controls apply: an attestation is due in each account of these.">
          <div className="row">
            {ENVIRONMENTS.map((name) => <Checkbox key={name} label={environmentName(name)} checked={draft.environments.includes(name)} onChange={() => toggle(name)} />)}
          </div>
        </FieldGroup>
      </section>
      <h2 className="section-title">Controls</h2>
      <ControlRows draft={draft} checks={checks} problems={problems} onChange={onChange} />
    </>
  );
}
