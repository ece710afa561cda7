import { Link } from "react-router";
import type { Principal, RoleDefinition } from "../../api/peopleTypes";
import { DataTable } from "../../components/DataTable";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { EmptyNote } from "../../components/PageStates";
import { formatCount, plural } from "../../lib/format";
import { rolePath } from "../../lib/people";
import { byRoleName, holdersOf, isCustom } from "../../lib/roles";
import { useUrlState } from "../../lib/useUrlState";

/** `principals` is left out where the session may not see them. */
export function RoleTable({ roles, principals }: { roles: readonly RoleDefinition[]; principals?: readonly Principal[] }) {
  const { values, set } = useUrlState(["q"]);
  const part = values.q.trim().toLowerCase();
  const shown = roles
    .filter((role) => !part || [role.properties.roleName, role.properties.description ?? "", role.name].some((text) => text.toLowerCase().includes(part)))
    .sort(byRoleName);
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Name or description" onChange={(q) => set({ q })} />
        {part && <ClearFilters onClear={() => set({ q: "" })} />}
      </div>
      <p className="muted" aria-live="polite">{plural(shown.length, "role")}{part && ` of ${formatCount(roles.length)}`}</p>
      <div className="card flush">
        {shown.length === 0 ? <EmptyNote title={part ? "No role matches" : "There are no roles"} /> : (
          <DataTable
            label="Roles" groups={[{ key: "", title: null, rows: shown }]} rowKey={(role) => role.name}
            columns={[
              { key: "name", header: "Role", isLead: true, width: "260px", cell: (role) => <Link className="cell-title" to={rolePath(role.name)}><bdi>{role.properties.roleName}</bdi></Link> },
              { key: "description", header: "Description", cell: (role) => <bdi>{role.properties.description}</bdi> },
              { key: "type", header: "Kind", width: "120px", cell: (role) => (isCustom(role) ? "Own" : "Built-in") },
              ...(principals ? [{ key: "held", header: "Held by", isEnd: true, width: "90px", cell: (role: RoleDefinition) => formatCount(new Set(holdersOf(role.name, principals).map((own) => own.principal.id)).size) }] : []),
            ]}
          />
        )}
      </div>
    </>
  );
}
