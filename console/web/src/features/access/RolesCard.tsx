import { Button, Field, Select } from "@fluentui/react-components";
import { Add16Regular, Delete16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { Link } from "react-router";
import { assignRole, refetchPeople, removeAssignment, useMay, useRoleDefinitions } from "../../api/peopleQueries";
import type { AssignedRole, Principal, RoleDefinition } from "../../api/peopleTypes";
import { useScopeChoices } from "../../api/planQueries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DataTable } from "../../components/DataTable";
import { DialogForm, OpenDialog } from "../../components/FormDialog";
import { EmptyNote, Loading } from "../../components/PageStates";
import { Problem } from "../../components/Problem";
import { ScopePicker } from "../../components/ScopePicker";
import { useSay } from "../../components/useSay";
import { ASSIGNMENTS_DELETE, ASSIGNMENTS_WRITE } from "../../lib/actions";
import { principalTitle, rolePath } from "../../lib/people";
import { byRoleName, isSameRole } from "../../lib/roles";
import { namesOf, scopeText } from "../../lib/scopes";

/** The roles that a principal holds, each at its scope. */
export function RolesCard({ principal }: { principal: Principal }) {
  const may = useMay();
  const choices = useScopeChoices();
  const names = namesOf(choices.data ?? []);
  const canRemove = may(ASSIGNMENTS_DELETE);
  return (
    <section className="card flush" aria-label="Roles">
      <div className="card-head">
        <span className="row"><h2>Roles</h2>{principal.groups.length > 0 && <span className="small muted">Those of its groups come on top</span>}</span>
        {may(ASSIGNMENTS_WRITE) && <OpenDialog trigger={<Button size="small" icon={<Add16Regular />}>Add a role</Button>}>{(close) => <Assign principal={principal} onDone={close} />}</OpenDialog>}
      </div>
      {principal.roles.length === 0 ? <EmptyNote title="No role of its own yet"><p>Without a role nothing can be seen{principal.groups.length > 0 && ", but for what the roles of its groups show"}.</p></EmptyNote> : (
        <DataTable
          label="Roles" groups={[{ key: "", title: null, rows: principal.roles }]} rowKey={(held) => held.assignment}
          columns={[
            { key: "role", header: "Role", isLead: true, cell: (held) => <Link className="cell-title" to={rolePath(held.role)}><bdi>{held.roleName}</bdi></Link> },
            { key: "scope", header: "Scope", cell: (held) => <><bdi>{scopeText(held.scope, names)}</bdi><div className="small muted">{held.scope || "/"}</div></> },
            ...(canRemove ? [{ key: "remove", header: "Action", width: "126px", cell: (held: AssignedRole) => <Remove principal={principal} held={held} where={scopeText(held.scope, names)} /> }] : []),
          ]}
        />
      )}
    </section>
  );
}

function Remove({ principal, held, where }: { principal: Principal; held: AssignedRole; where: string }) {
  const say = useSay();
  const remove = async () => {
    await removeAssignment(held.assignment);
    say("Role removed", `${held.roleName}, ${where}`);
    await refetchPeople();
  };
  return (
    <ConfirmDialog title={`Remove “${held.roleName}”?`} action="Remove" onConfirm={remove} trigger={<Button size="small" className="nowrap" icon={<Delete16Regular />} aria-label={`Remove ${held.roleName} at ${where}`}>Remove</Button>}>
      <p><strong><bdi>{principalTitle(principal)}</bdi></strong> no longer holds it at: {where}. This takes effect at once.</p>
    </ConfirmDialog>
  );
}

function Assign({ principal, onDone }: { principal: Principal; onDone: () => void }) {
  const say = useSay();
  const roles = useRoleDefinitions();
  const [role, setRole] = useState("");
  const [scope, setScope] = useState("/");
  const [isChecked, setIsChecked] = useState(false);
  const chosen = roles.data?.find((own) => isSameRole(own.name, role));
  const isReady = () => {
    setIsChecked(true);
    return role !== "";
  };
  const assign = async () => {
    await assignRole(scope, role, principal.id);
    onDone();
    say("Role added", chosen?.properties.roleName);
    await refetchPeople();
  };
  return (
    <DialogForm title={`Add a role for ${principalTitle(principal)}`} action="Add the role" isReady={isReady} onSubmit={assign}>
      {roles.error ? <Problem text={roles.error.message} /> : !roles.data ? <Loading rows={2} /> : (
        <Field label="Role" required hint={chosen?.properties.description || "What it may do."} validationMessage={isChecked && !role ? "Choose a role." : undefined}>
          <Select value={role} onChange={(_, data) => setRole(data.value)}>
            <option value="">Choose a role</option>
            {[...roles.data].sort(byRoleName).map((own: RoleDefinition) => <option key={own.name} value={own.name}>{own.properties.roleName}</option>)}
          </Select>
        </Field>
      )}
      <ScopePicker value={scope} onChange={setScope} />
    </DialogForm>
  );
}
