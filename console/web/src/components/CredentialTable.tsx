import { Button } from "@fluentui/react-components";
import { Delete16Regular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { api } from "../api/client";
import { refetchPeople, useCredentials } from "../api/peopleQueries";
import type { Credential } from "../api/peopleTypes";
import { useScopeChoices } from "../api/planQueries";
import { hasEnded, rightsText } from "../lib/people";
import { namesOf, scopeText } from "../lib/scopes";
import { ConfirmDialog } from "./ConfirmDialog";
import { DataTable } from "./DataTable";
import { EmptyNote, Loaded } from "./PageStates";
import { Day, Time } from "./Time";
import { useSay } from "./useSay";

interface Props {
  title: string;
  lead: string;
  /** The route below which they lie. */
  path: string;
  canRemove: boolean;
  empty: string;
  action?: ReactNode;
}

/** The credentials of somebody, without their secrets, which nobody can read again. */
export function CredentialTable({ title, lead, path, canRemove, empty, action }: Props) {
  const query = useCredentials(path);
  const choices = useScopeChoices();
  const names = namesOf(choices.data ?? []);
  return (
    <section className="card flush" aria-label={title}>
      <div className="card-head">
        <span className="row"><h2>{title}</h2><span className="small muted">{lead}</span></span>
        {action}
      </div>
      <Loaded query={query} rows={3}>
        {(rows) => rows.length === 0 ? <EmptyNote title="None yet"><p>{empty}</p></EmptyNote> : (
          <DataTable
            label={title} groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.id}
            columns={[
              { key: "name", header: "Name", isLead: true, cell: (row) => <><span className="cell-title"><bdi>{row.name}</bdi></span><div className="small muted">{row.kind}</div></> },
              { key: "rights", header: "Rights", width: "220px", cell: (row) => <>{rightsText(row.actions)}{row.scope && <div className="small muted">{scopeText(row.scope, names)}</div>}</> },
              { key: "used", header: "Last used", width: "170px", cell: (row) => (row.lastUsedAt ? <Time at={row.lastUsedAt} /> : <span className="muted">Never</span>) },
              { key: "expires", header: "Expires", width: "150px", cell: (row) => <Expires row={row} /> },
              ...(canRemove ? [{ key: "remove", header: "Action", width: "126px", cell: (row: Credential) => <Remove row={row} path={path} /> }] : []),
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}

function Expires({ row }: { row: Credential }) {
  if (!row.expiresAt) return <>Never</>;
  return <><Day at={row.expiresAt} />{hasEnded(row) && <> <span className="tag">Expired</span></>}</>;
}

function Remove({ row, path }: { row: Credential; path: string }) {
  const say = useSay();
  const remove = async () => {
    await api.remove(`${path}/${encodeURIComponent(row.id)}`);
    say(`${row.kind} removed`, row.name);
    await refetchPeople();
  };
  return (
    <ConfirmDialog title={`Remove “${row.name}”?`} action="Remove" onConfirm={remove} trigger={<Button size="small" className="nowrap" icon={<Delete16Regular />} aria-label={`Remove ${row.name}`}>Remove</Button>}>
      <p>What uses it is refused from now on. This cannot be undone.</p>
    </ConfirmDialog>
  );
}
