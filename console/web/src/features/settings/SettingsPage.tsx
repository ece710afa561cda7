import { useMay, useSession, useSignInOptions } from "../../api/peopleQueries";
import { useTenants } from "../../api/planQueries";
import { CopyId } from "../../components/CopyBlock";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { CONTACTS_READ, PRINCIPALS_READ } from "../../lib/actions";
import { ContactsCard } from "./ContactsCard";
import { ProvidersCard } from "./ProvidersCard";

export default function SettingsPage() {
  const session = useSession();
  const may = useMay();
  return (
    <div className="page">
      <PageHead title="Settings" tabTitle="Settings" />
      <Loaded query={session} rows={8}>
        {() => (
          <>
            <Installation />
            {may(CONTACTS_READ) ? <ContactsCard /> : <LacksNote action={CONTACTS_READ} what="see the contacts" />}
            {may(PRINCIPALS_READ) ? <ProvidersCard /> : <LacksNote action={PRINCIPALS_READ} what="see the identity providers" />}
          </>
        )}
      </Loaded>
    </div>
  );
}

function Installation() {
  const { data: session } = useSession();
  const options = useSignInOptions();
  const tenants = useTenants();
  return (
    <section className="card stack wide" aria-label="This installation">
      <h2>This installation</h2>
      <Loaded query={tenants} rows={2}>
        {(rows) => (
          <dl className="facts">
            {options.data?.installation && <><dt>Name</dt><dd><bdi>{options.data.installation}</bdi></dd></>}
            {rows.map((tenant) => <Tenant key={tenant.tenantId} id={tenant.tenantId} />)}
            {session && <><dt>Version</dt><dd>{session.version}</dd></>}
            <dt>Address</dt><dd>{window.location.origin}</dd>
          </dl>
        )}
      </Loaded>
    </section>
  );
}

const Tenant = ({ id }: { id: string }) => <><dt>Tenant</dt><dd><code>{id}</code> <CopyId id={id} /></dd></>;
