import { Button } from "@fluentui/react-components";
import { Delete20Regular, Edit20Regular } from "@fluentui/react-icons";
import { Link, useNavigate, useParams } from "react-router";
import { refetchPeople, removeRole, useMay, usePrincipals, useRoleDefinitions } from "../../api/peopleQueries";
import type { RoleDefinition } from "../../api/peopleTypes";
import { useScopeChoices } from "../../api/planQueries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { CopyId } from "../../components/CopyBlock";
import { DataTable } from "../../components/DataTable";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PartedText } from "../../components/PartedText";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { PRINCIPALS_READ, ROLES_DELETE, ROLES_WRITE } from "../../lib/actions";
import { KIND_WORDS, principalPath, principalTitle, rolePath } from "../../lib/people";
import { plural, words } from "../../lib/format";
import { holdersOf, isCustom, isSameRole } from "../../lib/roles";
import { namesOf, scopeText } from "../../lib/scopes";

export const ROLES_CRUMB = { to: "/access?tab=roles", text: "Access: roles" };

/** What a role allows, and who has it. */
export default function RolePage() {
  const { id = "" } = useParams();
  const query = useRoleDefinitions();
  const role = query.data?.find((own) => isSameRole(own.name, id));
  const title = role?.properties.roleName ?? "Role";
  return (
    <div className="page">
      <PageHead
        title={<bdi>{title}</bdi>} tabTitle={title} crumb={ROLES_CRUMB} lead={role && <bdi>{role.properties.description}</bdi>}
        actions={role && isCustom(role) && <Actions role={role} />}
      />
      <Loaded query={query} rows={8}>{() => role ? <Details role={role} /> : <NoRole />}</Loaded>
    </div>
  );
}

export const NoRole = () => <div className="card"><EmptyNote title="There is no such role"><p>It may have been deleted. <Link to={ROLES_CRUMB.to}>See all roles</Link></p></EmptyNote></div>;

function Actions({ role }: { role: RoleDefinition }) {
  const may = useMay();
  const say = useSay();
  const navigate = useNavigate();
  const remove = async () => {
    await removeRole(role.name);
    await navigate(ROLES_CRUMB.to);
    say("Role deleted", role.properties.roleName);
    await refetchPeople();
  };
  return (
    <>
      {may(ROLES_WRITE) && <Button icon={<Edit20Regular />} onClick={() => void navigate(`${rolePath(role.name)}/edit`)}>Edit</Button>}
      {may(ROLES_DELETE) && (
        <ConfirmDialog title={`Delete the role “${role.properties.roleName}”?`} action="Delete" onConfirm={remove} trigger={<Button icon={<Delete20Regular />}>Delete</Button>}>
          <p>It can be deleted only while nobody holds it. This cannot be undone.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

const LISTS = ["actions", "notActions", "dataActions", "notDataActions"] as const;

function Details({ role }: { role: RoleDefinition }) {
  const choices = useScopeChoices();
  const names = namesOf(choices.data ?? []);
  const { permissions, assignableScopes } = role.properties;
  return (
    <>
      <div className="columns">
        <section className="card stack wide" aria-label="Facts">
          <h2>Facts</h2>
          <dl className="facts">
            <dt>Kind</dt><dd>{isCustom(role) ? "A role of this installation" : "Built-in, with Azure's id and actions"}</dd>
            <dt>Id</dt><dd><code>{role.name}</code> <CopyId id={role.name} /></dd>
            <dt>Can be given at</dt><dd><ul className="plain">{assignableScopes.map((scope) => <li key={scope} title={scope}><bdi>{scopeText(scope, names)}</bdi></li>)}</ul></dd>
          </dl>
        </section>
        <section className="card stack wide" aria-label="What it allows">
          <h2>What it allows</h2>
          {permissions.map((permission, at) => LISTS.map((list) => (permission[list] ?? []).length > 0 && (
            <div key={`${at} ${list}`} className="stack" style={{ gap: 2 }}>
              <strong>{TITLES[list]}</strong>
              <ul className="plain scroll-rows">{permission[list]?.map((action) => <li key={action}><code><PartedText text={action} /></code></li>)}</ul>
            </div>
          )))}
        </section>
      </div>
      <Holders role={role} names={names} />
    </>
  );
}

const TITLES: Record<(typeof LISTS)[number], string> = { actions: "Actions", notActions: "But not", dataActions: "Data actions", notDataActions: "But not these data actions" };

function Holders({ role, names }: { role: RoleDefinition; names: ReturnType<typeof namesOf> }) {
  const may = useMay();
  const canSee = may(PRINCIPALS_READ);
  const query = usePrincipals({ enabled: canSee });
  if (!canSee) return <LacksNote action={PRINCIPALS_READ} what="see who has it" />;
  return (
    <section className="card flush" aria-label="Who has it">
      <Loaded query={query} rows={3}>
        {(principals) => {
          const holders = holdersOf(role.name, principals);
          return (
            <>
              <div className="card-head"><h2>Who has it</h2><span className="small muted">{plural(holders.length, "assignment")}</span></div>
              {holders.length === 0 ? <EmptyNote title="Nobody has it"><p>A role is given on the page of a user, a group or a program.</p></EmptyNote> : (
                <DataTable
                  label="Holders" groups={[{ key: "", title: null, rows: holders }]} rowKey={({ held }) => held.assignment}
                  columns={[
                    { key: "name", header: "Name", isLead: true, cell: ({ principal }) => <Link className="cell-title" to={principalPath(principal.id)}><bdi>{principalTitle(principal)}</bdi></Link> },
                    { key: "kind", header: "Kind", width: "120px", cell: ({ principal }) => words(KIND_WORDS[principal.kind].one) },
                    { key: "scope", header: "Scope", cell: ({ held }) => <span title={held.scope}><bdi>{scopeText(held.scope, names)}</bdi></span> },
                  ]}
                />
              )}
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
