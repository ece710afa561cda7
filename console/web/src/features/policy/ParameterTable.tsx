import type { Parameter } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { LongText } from "../../components/JsonTree";
import { defaultText } from "./RuleTree";

/** What an assignment may or has to give. */
export function ParameterTable({ parameters, isBare = false }: { parameters: readonly Parameter[]; isBare?: boolean }) {
  const table = parameters.length === 0 ? <p className="muted tab-body">It has no parameters.</p> : (
    <DataTable
      label="Parameters" groups={[{ key: "", title: null, rows: parameters }]} rowKey={(row) => row.name}
      columns={[
        { key: "name", header: "Parameter", isLead: true, cell: (row) => <><code>{row.name}</code>{(row.displayName || row.description) && <div className="small muted"><LongText text={[row.displayName, row.description].filter(Boolean).join(": ")} limit={220} /></div>}</> },
        { key: "type", header: "Type", width: "90px", cell: (row) => row.type },
        { key: "default", header: "Default", width: "180px", cell: (row) => (row.default === undefined || row.default === null ? <span className="muted">None: it has to be given</span> : <code className="pre-wrap"><LongText text={defaultText(row.default)} limit={160} /></code>) },
        { key: "allowed", header: "Allowed", width: "180px", cell: (row) => (row.allowed && row.allowed.length > 0 ? <LongText text={row.allowed.map(defaultText).join(", ")} limit={160} /> : <span className="muted">Anything</span>) },
      ]}
    />
  );
  if (isBare) return table;
  return (
    <section className="card flush" aria-label="Parameters">
      <div className="card-head"><h2>Parameters</h2></div>
      {table}
    </section>
  );
}
