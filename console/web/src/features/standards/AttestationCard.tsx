import { Button } from "@fluentui/react-components";
import { ArrowUndo16Regular } from "@fluentui/react-icons";
import { api } from "../../api/client";
import { useMay } from "../../api/peopleQueries";
import { queryClient, useAttestations } from "../../api/queries";
import type { Scope, Standard } from "../../api/complianceTypes";
import type { AttestationRow } from "../../api/standardTypes";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DataTable } from "../../components/DataTable";
import { Loaded } from "../../components/PageStates";
import { StatusBadge } from "../../components/StatusBadge";
import { useSay } from "../../components/useSay";
import { Day } from "../../components/Time";
import { ATTESTATIONS_DELETE } from "../../lib/actions";
import { dayOf, scopeWords } from "../../lib/attestations";
import { formatDate, words } from "../../lib/format";
import { Evidence } from "./AttestationNote";

/** The record of what people attested of a standard: what holds, and what no longer does. */
export function AttestationCard({ standard, scope }: { standard: Standard; scope: Scope }) {
  const query = useAttestations(standard.id, scope);
  const canWithdraw = useMay()(ATTESTATIONS_DELETE);
  if (query.data?.length === 0) return null;
  return (
    <section className="card flush" aria-label="Attestations">
      <div className="card-head"><h2>Attestations</h2></div>
      <Loaded query={query} rows={3}>
        {(rows) => (
          <DataTable
            label="Attestations" groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.id} rowName={(row) => row.control}
            columns={[
              { key: "control", header: "Control", isLead: true, width: "18%", cell: (row) => <><strong className="number">{row.control}</strong><div className="small muted breakable">{scopeWords(row.scope)}</div></> },
              { key: "state", header: "Found", width: "130px", cell: (row) => <StatusBadge status={row.state} /> },
              { key: "evidence", header: "Evidence", cell: (row) => <Evidence evidence={row.evidence} /> },
              { key: "day", header: "Assessed", width: "130px", cell: (row) => <Assessed row={row} /> },
              { key: "standing", header: "Standing", width: "140px", cell: (row) => <Stand row={row} /> },
              ...(canWithdraw ? [{ key: "action", header: "Action", width: "120px", cell: (row: AttestationRow) => row.standing !== "withdrawn" && <WithdrawButton row={row} /> }] : []),
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}

function Assessed({ row }: { row: AttestationRow }) {
  return (
    <>
      <div>{formatDate(dayOf(row.assessedOn))}</div>
      <div className="small muted">by <bdi>{row.createdBy}</bdi>, written <Day at={row.createdAt} /></div>
    </>
  );
}

function Stand({ row }: { row: AttestationRow }) {
  const { withdrawn, expiresAt } = row;
  return (
    <>
      <div>{words(row.standing)}</div>
      {withdrawn && <div className="small muted"><Day at={withdrawn.at} /> by <bdi>{withdrawn.by}</bdi></div>}
      {!withdrawn && expiresAt && <div className="small muted">until <Day at={expiresAt} /></div>}
    </>
  );
}

function WithdrawButton({ row }: { row: AttestationRow }) {
  const say = useSay();
  const withdraw = async () => {
    await api.remove(`/compliance/${encodeURIComponent(row.standard)}/attestations/${encodeURIComponent(row.id)}`);
    say("Attestation withdrawn", row.control);
    await queryClient.invalidateQueries({ queryKey: ["compliance"] });
  };
  return (
    <ConfirmDialog
      title={`Withdraw the attestation of ${row.control}?`} action="Withdraw" onConfirm={withdraw}
      trigger={<Button size="small" className="nowrap" icon={<ArrowUndo16Regular />}>Withdraw</Button>}
    >
      <p>The control has to be looked at again. The attestation stays in the record.</p>
    </ConfirmDialog>
  );
}
