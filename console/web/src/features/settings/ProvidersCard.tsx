import { useIdentityProviders } from "../../api/peopleQueries";
import { DataTable } from "../../components/DataTable";
import { EmptyNote, Loaded } from "../../components/PageStates";

/** Where people sign in besides here; they are set in the server's settings file. */
export function ProvidersCard() {
  const query = useIdentityProviders();
  return (
    <section className="card flush" aria-label="Identity providers">
      <div className="card-head"><h2>Identity providers</h2><span className="small muted">Read only: they are set in the server&apos;s settings file</span></div>
      <Loaded query={query} rows={3}>
        {(rows) => rows.length === 0 ? <EmptyNote title="There is none"><p>People sign in with accounts of this installation. docs/guide/access.md says how to add one.</p></EmptyNote> : (
          <DataTable
            label="Identity providers" groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.id}
            columns={[
              { key: "name", header: "Name", isLead: true, cell: (row) => <><span className="cell-title"><bdi>{row.name}</bdi></span><div className="small muted"><bdi>{row.id}</bdi></div></> },
              { key: "issuer", header: "Issuer", width: "260px", cell: (row) => <bdi className="breakable">{row.issuer}</bdi> },
              { key: "client", header: "Client id", width: "200px", cell: (row) => <code className="breakable">{row.clientId}</code> },
              { key: "scopes", header: "Scopes", width: "170px", cell: (row) => row.scopes.join(" ") },
              { key: "groups", header: "Groups claim", width: "120px", cell: (row) => row.groupsClaim ?? <span className="muted">None</span> },
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}
