import { Link } from "react-router";
import { useScopeChoices } from "../../api/planQueries";
import { useSession } from "../../api/peopleQueries";
import type { Session } from "../../api/peopleTypes";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { RoleList } from "../../components/RoleList";
import { Time } from "../../components/Time";
import { principalTitle } from "../../lib/people";
import { namesOf } from "../../lib/scopes";
import { OneTimeCodes } from "./OneTimeCodes";
import { PasswordCard } from "./PasswordCard";
import { SessionsCard } from "./SessionsCard";
import { TokensCard } from "./TokensCard";

export default function AccountPage() {
  const query = useSession();
  return (
    <div className="page">
      <PageHead title="My account" tabTitle="My account" />
      <Loaded query={query}>{(session) => <Account session={session} />}</Loaded>
    </div>
  );
}

function Account({ session }: { session: Session }) {
  const isLocal = session.kind === "User" && !session.provider;
  return (
    <>
      <Details session={session} />
      {session.kind === "Installation" && <InstallationNote isFirstRun={session.firstRun} />}
      {session.provider && <section className="card"><p>You sign in through <strong><bdi>{session.provider}</bdi></strong>: your password and your second factor are kept there.</p></section>}
      {isLocal && <div className="columns"><PasswordCard session={session} /><OneTimeCodes session={session} /></div>}
      <SessionsCard />
      {session.kind !== "Installation" && <TokensCard />}
    </>
  );
}

function Details({ session }: { session: Session }) {
  const choices = useScopeChoices();
  return (
    <section className="card stack wide" aria-label="Details">
      <h2><bdi>{principalTitle(session)}</bdi></h2>
      <dl className="facts">
        <dt>Name</dt><dd><bdi>{session.name}</bdi></dd>
        {session.expiresAt && <><dt>This session ends</dt><dd><Time at={session.expiresAt} /></dd></>}
        <dt>Roles</dt><dd><RoleList roles={session.roles} names={namesOf(choices.data ?? [])} limit={50} /></dd>
      </dl>
    </section>
  );
}

function InstallationNote({ isFirstRun }: { isFirstRun: boolean }) {
  return (
    <section className="card">
      <p>
        This is the installation&apos;s own session, opened by the address that <code>skywarden up</code> printed. It has no password, no one-time codes and no tokens of its own;
        {isFirstRun ? <> <Link to="/set-up">make the first account</Link> to have these.</> : <> sign in with an account to have these.</>}
      </p>
    </section>
  );
}
