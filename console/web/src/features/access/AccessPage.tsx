import { Button, Tab, TabList } from "@fluentui/react-components";
import { Add20Regular } from "@fluentui/react-icons";
import { Link, useNavigate } from "react-router";
import { useMay, usePrincipals, useRoleDefinitions, useSession } from "../../api/peopleQueries";
import type { PrincipalKind } from "../../api/peopleTypes";
import { Loaded, Loading } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { PRINCIPALS_READ, PRINCIPALS_WRITE, ROLES_READ, ROLES_WRITE } from "../../lib/actions";
import { useUrlState } from "../../lib/useUrlState";
import { CreateDialog } from "./CreateDialog";
import { PrincipalTable } from "./PrincipalTable";
import { RoleTable } from "./RoleTable";

const KINDS: Record<string, PrincipalKind> = { users: "User", groups: "Group", programs: "ServicePrincipal" };

/** Who may do what: people, groups, programs and the roles that they hold. */
export default function AccessPage() {
  const { values, set } = useUrlState(["tab", "q", "filter"]);
  const session = useSession();
  const may = useMay();
  // Who may not see people still sees what roles there are.
  const canSee = may(PRINCIPALS_READ);
  const tab = canSee ? values.tab || "users" : "roles";
  const kind = KINDS[tab];
  return (
    <div className="page">
      <PageHead
        title="Access" tabTitle="Access" lead="Who may do what: people, groups and programs, and the roles that they hold."
        actions={kind ? may(PRINCIPALS_WRITE) && <CreateDialog key={kind} kind={kind} /> : may(ROLES_WRITE) && <NewRole />}
      />
      {session.data?.firstRun && <p>Nobody has an account yet. <Link to="/set-up">Make the first one</Link>, to sign in with a password of your own.</p>}
      {session.data && (
        <div className="tabs-scroll">
          {/* Filters of one tab mean nothing on another. */}
          <TabList selectedValue={tab} onTabSelect={(_, data) => set({ tab: data.value === "users" ? "" : String(data.value), q: "", filter: "" })}>
            {canSee && <Tab value="users">Users</Tab>}
            {canSee && <Tab value="groups">Groups</Tab>}
            {canSee && <Tab value="programs">Programs</Tab>}
            <Tab value="roles">Roles</Tab>
          </TabList>
        </div>
      )}
      <Loaded query={session} rows={8}>
        {() => (
          <>
            {!canSee && <LacksNote action={PRINCIPALS_READ} what="see users, groups and programs" />}
            {kind ? <People key={kind} kind={kind} /> : may(ROLES_READ) ? <Roles /> : <LacksNote action={ROLES_READ} what="see roles" />}
          </>
        )}
      </Loaded>
    </div>
  );
}

function NewRole() {
  const navigate = useNavigate();
  return <Button appearance="primary" icon={<Add20Regular />} onClick={() => void navigate("/access/roles/new")}>New role</Button>;
}

function People({ kind }: { kind: PrincipalKind }) {
  const query = usePrincipals();
  return <Loaded query={query} rows={8}>{(principals) => <PrincipalTable kind={kind} principals={principals} />}</Loaded>;
}

function Roles() {
  const may = useMay();
  const canSee = may(PRINCIPALS_READ);
  const roles = useRoleDefinitions();
  const principals = usePrincipals({ enabled: canSee });
  if (canSee && !principals.data && !principals.error) return <Loading rows={8} />;
  return <Loaded query={roles} rows={8}>{(rows) => <RoleTable roles={rows} principals={principals.data} />}</Loaded>;
}
