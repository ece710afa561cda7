import { Button } from "@fluentui/react-components";
import { Add16Regular } from "@fluentui/react-icons";
import { Link, useParams } from "react-router";
import { principalRoute, useMay, useMayEverywhere, usePrincipal, usePrincipals, useSession } from "../../api/peopleQueries";
import type { Principal } from "../../api/peopleTypes";
import { CopyId } from "../../components/CopyBlock";
import { CredentialDialog } from "../../components/CredentialDialog";
import { CredentialTable } from "../../components/CredentialTable";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { PrincipalBadges } from "../../components/PrincipalBadges";
import { LacksNote, LacksPage } from "../../components/Problem";
import { Time } from "../../components/Time";
import { ASSIGNMENTS_WRITE, AUDIT_READ, PRINCIPALS_DELETE, PRINCIPALS_READ, PRINCIPALS_WRITE } from "../../lib/actions";
import { KIND_WORDS, membersOf, principalPath, principalTitle } from "../../lib/people";
import { PrincipalActions } from "./PrincipalActions";
import { RolesCard } from "./RolesCard";
import { SignInCard } from "./SignInCard";

export default function PrincipalPage() {
  const session = useSession();
  const canSee = useMay()(PRINCIPALS_READ);
  if (!session.data || canSee) return <Page />;
  return (
    <div className="page">
      <PageHead title="Access" tabTitle="Access" crumb={{ to: "/access", text: "Access" }} />
      <LacksPage action={PRINCIPALS_READ} what="see users, groups and programs" />
    </div>
  );
}

function Page() {
  const { id = "" } = useParams();
  const query = usePrincipal(id);
  const session = useSession();
  const principal = query.data;
  const title = principal ? principalTitle(principal) : "Access";
  const crumb = principal ? { to: `/access?tab=${KIND_WORDS[principal.kind].tab}`, text: `Access: ${KIND_WORDS[principal.kind].many}` } : { to: "/access", text: "Access" };
  return (
    <div className="page">
      <PageHead title={<bdi>{title}</bdi>} tabTitle={title} crumb={crumb} actions={principal && <PrincipalActions principal={principal} isSelf={session.data?.id === principal.id} />} />
      <Loaded query={query} rows={8}>{(known) => <Details principal={known} />}</Loaded>
    </div>
  );
}

function Details({ principal }: { principal: Principal }) {
  const may = useMay();
  const session = useSession();
  const canWrite = may(PRINCIPALS_WRITE);
  // What lets somebody log in as the program takes the right to give roles too.
  const canGive = useMayEverywhere()(ASSIGNMENTS_WRITE);
  return (
    <>
      {session.data && !canWrite && <LacksNote action={PRINCIPALS_WRITE} what={`change ${KIND_WORDS[principal.kind].many}`} />}
      <div className="columns">
        <Facts principal={principal} />
        {principal.kind === "User" && <SignInCard principal={principal} />}
        {principal.kind === "Group" && <Members group={principal} />}
      </div>
      <RolesCard principal={principal} />
      {principal.kind === "ServicePrincipal" && (
        <CredentialTable
          title="Credentials" lead="What the program logs in with" path={`${principalRoute(principal.id)}/credentials`} canRemove={may(PRINCIPALS_DELETE)}
          empty="Without a credential the program cannot log in."
          action={canWrite && canGive && <CredentialDialog isProgram path={`${principalRoute(principal.id)}/credentials`} trigger={<Button size="small" icon={<Add16Regular />}>New credential</Button>} />}
        />
      )}
      {principal.kind === "User" && (
        <CredentialTable
          title="Tokens" lead="Programs that act as this user" path={`${principalRoute(principal.id)}/credentials`} canRemove={may(PRINCIPALS_DELETE)}
          empty="Only the users themselves make tokens, on the page of their account."
        />
      )}
    </>
  );
}

function Facts({ principal }: { principal: Principal }) {
  const may = useMay();
  const isProgram = principal.kind === "ServicePrincipal";
  return (
    <section className="card stack wide" aria-label="Facts">
      <h2>Facts</h2>
      <dl className="facts">
        <dt>State</dt><dd><PrincipalBadges principal={principal} /></dd>
        <dt>{principal.kind === "Group" ? "Name in the claims" : "Name"}</dt><dd><bdi>{principal.name}</bdi></dd>
        <dt>{isProgram ? "Client id" : "Id"}</dt><dd><code>{principal.id}</code> <CopyId id={principal.id} /></dd>
        {principal.provider && <><dt>Identity provider</dt><dd><bdi>{principal.provider}</bdi></dd></>}
        <dt>Made</dt><dd><Time at={principal.createdAt} /></dd>
        {principal.kind === "User" && <><dt>Last sign-in</dt><dd>{principal.lastSignInAt ? <Time at={principal.lastSignInAt} /> : "Never"}</dd></>}
        {principal.groups.length > 0 && (
          <>
            <dt>Groups</dt>
            <dd>{principal.groups.map((group, at) => <span key={group.id}>{at > 0 && ", "}<Link to={principalPath(group.id)}><bdi>{group.displayName}</bdi></Link></span>)}</dd>
          </>
        )}
      </dl>
      {may(AUDIT_READ) && principal.kind !== "Group" && <Link to={`/audit?principal=${encodeURIComponent(principal.id)}`}>What {isProgram ? "it" : "they"} did, in the audit log</Link>}
    </section>
  );
}

function Members({ group }: { group: Principal }) {
  const query = usePrincipals();
  return (
    <section className="card stack" aria-label="Members">
      <h2>Known members</h2>
      <p className="small muted">Who had this group when they last signed in. The identity provider says who is in it.</p>
      <Loaded query={query} rows={2}>
        {(principals) => {
          const members = membersOf(group.id, principals);
          if (members.length === 0) return <p className="muted">Nobody yet.</p>;
          return <ul className="plain scroll-rows">{members.map((one) => <li key={one.id}><Link to={principalPath(one.id)}><bdi>{principalTitle(one)}</bdi></Link></li>)}</ul>;
        }}
      </Loaded>
    </section>
  );
}
