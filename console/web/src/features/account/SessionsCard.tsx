import { Button } from "@fluentui/react-components";
import { api } from "../../api/client";
import { queryClient } from "../../api/queries";
import { useSessions } from "../../api/peopleQueries";
import type { SessionRow } from "../../api/peopleTypes";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DataTable } from "../../components/DataTable";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { Time } from "../../components/Time";
import { useSay } from "../../components/useSay";
import { shorten } from "../../lib/format";
import { agentText, bySession } from "../../lib/people";

export function SessionsCard() {
  const query = useSessions();
  return (
    <section className="card flush" aria-label="My sessions">
      <div className="card-head"><h2>My sessions</h2><span className="small muted">Where you are signed in</span></div>
      <Loaded query={query} rows={3}>
        {(rows) => rows.length === 0 ? <EmptyNote title="No session is open" /> : (
          <DataTable
            label="Sessions" groups={[{ key: "", title: null, rows: [...rows].sort(bySession) }]} rowKey={(row) => row.id}
            columns={[
              { key: "agent", header: "Browser", isLead: true, cell: (row) => <Browser row={row} /> },
              { key: "address", header: "Address", width: "150px", cell: (row) => row.address && <bdi>{row.address}</bdi> },
              { key: "seen", header: "Last seen", width: "170px", cell: (row) => row.lastSeenAt && <Time at={row.lastSeenAt} /> },
              { key: "begun", header: "Signed in", width: "170px", cell: (row) => <Time at={row.createdAt} /> },
              { key: "ends", header: "Ends", width: "170px", cell: (row) => (row.expiresAt ? <Time at={row.expiresAt} /> : "Never") },
              { key: "end", header: "Action", width: "90px", cell: (row) => !row.current && <End row={row} /> },
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}

function Browser({ row }: { row: SessionRow }) {
  return (
    <span className="row">
      <span className="cell-title" title={shorten(row.agent ?? "", 500)}><bdi>{shorten(agentText(row.agent), 80)}</bdi></span>
      {row.current && <span className="tag">This one</span>}
    </span>
  );
}

function End({ row }: { row: SessionRow }) {
  const say = useSay();
  const end = async () => {
    await api.remove(`/session/sessions/${encodeURIComponent(row.id)}`);
    say("Session ended");
    await queryClient.invalidateQueries({ queryKey: ["session"] });
  };
  return (
    <ConfirmDialog title="End this session?" action="End it" onConfirm={end} trigger={<Button size="small" aria-label={`End the session of ${agentText(row.agent)} from ${row.address ?? "an unknown address"}`}>End</Button>}>
      <p>Whoever uses {agentText(row.agent)}{row.address && <> at <bdi>{row.address}</bdi></>} has to sign in again.</p>
    </ConfirmDialog>
  );
}
