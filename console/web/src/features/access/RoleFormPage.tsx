import { Button, Field, Input, Textarea } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useNavigate, useParams } from "react-router";
import { refetchPeople, saveRole, useMay, useRoleDefinitions, useSession } from "../../api/peopleQueries";
import type { RoleDefinition } from "../../api/peopleTypes";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksPage, Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { ROLES_WRITE } from "../../lib/actions";
import { newGuid } from "../../lib/guid";
import { rolePath } from "../../lib/people";
import { isCustom, isSameRole, newRoleDraft, roleDraftOf, roleProblems, rolePropertiesOf } from "../../lib/roles";
import { NoRole, ROLES_CRUMB } from "./RolePage";

/** Writes a role of one's own. */
export default function RoleFormPage() {
  const { id } = useParams();
  const session = useSession();
  const canWrite = useMay()(ROLES_WRITE);
  if (session.data && !canWrite) {
    return (
      <div className="page">
        <PageHead title="Role" tabTitle="Role" crumb={ROLES_CRUMB} />
        <LacksPage action={ROLES_WRITE} what="write roles" />
      </div>
    );
  }
  return id === undefined ? <NewRole /> : <KnownRole id={id} />;
}

function NewRole() {
  return (
    <div className="page">
      <PageHead title="New role" tabTitle="New role" crumb={ROLES_CRUMB} lead="A role of this installation: what it allows, and where it can be given." />
      <RoleForm />
    </div>
  );
}

function KnownRole({ id }: { id: string }) {
  const query = useRoleDefinitions();
  const role = query.data?.find((own) => isSameRole(own.name, id));
  const title = role?.properties.roleName ?? "role";
  return (
    <div className="page">
      <PageHead title={<>Edit <bdi>{title}</bdi></>} tabTitle={`Edit ${title}`} crumb={role ? { to: rolePath(role.name), text: title } : ROLES_CRUMB} lead="Who has the role may do what is written here as soon as it is saved." />
      <Loaded query={query} rows={8}>
        {() => !role ? <NoRole /> : isCustom(role) ? <RoleForm known={role} /> : <p>A built-in role cannot be changed. Make a role of your own with the actions that you need.</p>}
      </Loaded>
    </div>
  );
}

function RoleForm({ known }: { known?: RoleDefinition }) {
  const navigate = useNavigate();
  const say = useSay();
  // What others save meanwhile must not change the form under one's hands.
  const [draft, setDraft] = useState(() => (known ? roleDraftOf(known) : newRoleDraft()));
  const [guid] = useState(() => known?.name ?? newGuid());
  const [isChecked, setIsChecked] = useState(false);
  const problems = roleProblems(draft);
  const shown = isChecked ? problems : {};
  const saving = useMutation({
    mutationFn: () => saveRole(guid, rolePropertiesOf(draft, known)),
    onSuccess: async () => {
      say("Role saved", draft.roleName.trim());
      await refetchPeople();
      await navigate(rolePath(guid));
    },
  });
  const set = (changes: Partial<typeof draft>) => {
    setDraft({ ...draft, ...changes });
    saving.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (Object.keys(problems).length === 0) saving.mutate();
  };
  return (
    <form className="stack wide" onSubmit={submit} noValidate aria-label="Role">
      <section className="card stack wide" aria-label="The role">
        <Field label="Name" required validationMessage={shown.roleName}><Input value={draft.roleName} maxLength={128} onChange={(_, data) => set({ roleName: data.value })} /></Field>
        <Field label="Description"><Textarea value={draft.description} rows={2} maxLength={2000} onChange={(_, data) => set({ description: data.value })} /></Field>
        <div className="two-fields">
          <Field label="Actions" required hint="One a line, such as Microsoft.Security/assessments/read; * stands for any part." validationMessage={shown.actions}>
            <Textarea className="code-field" value={draft.actions} rows={8} resize="vertical" spellCheck={false} onChange={(_, data) => set({ actions: data.value })} />
          </Field>
          <Field label="But not" hint="One a line: taken away from the actions." validationMessage={shown.notActions}>
            <Textarea className="code-field" value={draft.notActions} rows={8} resize="vertical" spellCheck={false} onChange={(_, data) => set({ notActions: data.value })} />
          </Field>
        </div>
        <Field label="Can be given at" required hint="One scope a line; / is everything." validationMessage={shown.scopes}>
          <Textarea className="code-field" value={draft.scopes} rows={3} resize="vertical" spellCheck={false} onChange={(_, data) => set({ scopes: data.value })} />
        </Field>
      </section>
      <Problem text={saving.error?.message} />
      <div className="row">
        <Button type="submit" appearance="primary" disabled={saving.isPending}>{saving.isPending ? "Saving…" : "Save"}</Button>
        <Button disabled={saving.isPending} onClick={() => void navigate(known ? rolePath(known.name) : ROLES_CRUMB.to)}>Cancel</Button>
      </div>
    </form>
  );
}
