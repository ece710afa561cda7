import { useMemo } from "react";
import { Link } from "react-router";
import type { Principal, PrincipalKind } from "../../api/peopleTypes";
import { useScopeChoices } from "../../api/planQueries";
import { DataTable, type Column } from "../../components/DataTable";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote } from "../../components/PageStates";
import { PrincipalBadges } from "../../components/PrincipalBadges";
import { RoleList } from "../../components/RoleList";
import { Day } from "../../components/Time";
import { formatCount, plural } from "../../lib/format";
import { filterPrincipals, KIND_WORDS, membersOf, PRINCIPAL_FILTERS, principalPath, principalTitle } from "../../lib/people";
import { namesOf } from "../../lib/scopes";
import { useUrlState } from "../../lib/useUrlState";

const EMPTY: Record<PrincipalKind, string> = {
  User: "Whoever has an account signs in with a name and a password, or through an identity provider.",
  Group: "A group is one of the identity provider's: who is in it comes with the sign-in, and holds the roles of the group.",
  ServicePrincipal: "A program has roles and credentials of its own, such as a script that reads the secure score.",
};

/** The rows laid out at once; the search finds the others. */
const FIRST = 300;

export function PrincipalTable({ kind, principals }: { kind: PrincipalKind; principals: readonly Principal[] }) {
  const { values, set } = useUrlState(["q", "filter"]);
  const choices = useScopeChoices();
  const names = useMemo(() => namesOf(choices.data ?? []), [choices.data]);
  const shown = useMemo(() => filterPrincipals(principals, kind, values.q, values.filter), [principals, kind, values.q, values.filter]);
  const { one, many } = KIND_WORDS[kind];
  const total = principals.filter((own) => own.kind === kind).length;
  const isFiltered = Boolean(values.q || values.filter);
  const clear = () => set({ q: "", filter: "" });
  const columns: Column<Principal>[] = [
    { key: "name", header: "Name", isLead: true, cell: (row) => <NameCell row={row} /> },
    { key: "state", header: "State", width: "110px", cell: (row) => <PrincipalBadges principal={row} /> },
    { key: "roles", header: "Roles", width: "340px", cell: (row) => <RoleList roles={row.roles} names={names} none={row.groups.length > 0 ? "None of its own; its groups may have some" : undefined} /> },
  ];
  if (kind === "User") {
    columns.push(
      { key: "codes", header: "One-time codes", width: "110px", cell: (row) => <Codes row={row} /> },
      { key: "seen", header: "Last sign-in", width: "130px", cell: (row) => (row.lastSignInAt ? <Day at={row.lastSignInAt} /> : <span className="muted">Never</span>) },
    );
  } else if (kind === "Group") {
    columns.push({ key: "members", header: "Known members", isEnd: true, width: "130px", cell: (row) => formatCount(membersOf(row.id, principals).length) });
  } else {
    columns.push({ key: "made", header: "Made", width: "130px", cell: (row) => <Day at={row.createdAt} /> });
  }
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Name, role or group" onChange={(q) => set({ q })} />
        <FilterSelect label="Only" value={values.filter} choices={PRINCIPAL_FILTERS.filter((own) => !own.only || own.only === kind)} onChange={(filter) => set({ filter })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <p className="muted" aria-live="polite">{plural(shown.length, one, many)}{isFiltered && ` of ${formatCount(total)}`}{shown.length > FIRST && `; the first ${FIRST} are shown, search for the others`}</p>
      <div className="card flush">
        {shown.length > 0
          ? <DataTable label={KIND_LABELS[kind]} groups={[{ key: "", title: null, rows: shown.slice(0, FIRST) }]} rowKey={(row) => row.id} columns={columns} />
          : isFiltered ? <EmptyNote title={`No ${one} matches`}><ClearFilters onClear={clear} /></EmptyNote>
          : <EmptyNote title={`There is no ${one} yet`}><p>{EMPTY[kind]}</p></EmptyNote>}
      </div>
    </>
  );
}

const KIND_LABELS: Record<PrincipalKind, string> = { User: "Users", Group: "Groups", ServicePrincipal: "Programs" };

function NameCell({ row }: { row: Principal }) {
  return (
    <div className="stack" style={{ gap: 0 }}>
      <Link to={principalPath(row.id)} className="cell-title clip" title={principalTitle(row)}><bdi>{principalTitle(row)}</bdi></Link>
      <span className="small muted clip" title={row.name}>
        {row.displayName && row.displayName !== row.name && <><bdi>{row.name}</bdi>{row.provider && " "}</>}{row.provider && <>through <bdi>{row.provider}</bdi></>}
      </span>
    </div>
  );
}

function Codes({ row }: { row: Principal }) {
  if (row.provider) return <span className="muted">Elsewhere</span>;
  return row.totp ? <>On</> : <span className="muted">Off</span>;
}
