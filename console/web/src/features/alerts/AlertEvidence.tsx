import type { AlertEvidence as Row } from "../../api/alertTypes";
import { LongText } from "../../components/JsonTree";

/** What the detection asked of the first event, and what that held. */
export function AlertEvidence({ evidence }: { evidence: readonly Row[] }) {
  if (evidence.length === 0) return null;
  return (
    <div className="stack">
      <h3>Evidence in the first event</h3>
      <div className="detail-table">
        <table className="table cards fixed" role="table" aria-label="Evidence">
          <thead role="rowgroup">
            <tr role="row"><th role="columnheader" style={{ width: "22%", minWidth: 110 }}>Field</th><th role="columnheader" style={{ width: "34%" }}>Condition</th><th role="columnheader">Actual value</th></tr>
          </thead>
          <tbody role="rowgroup">
            {evidence.map((row, at) => (
              <tr role="row" className="plain-row" key={`${at} ${row.field}`}>
                <td role="cell" data-label="Field"><code>{row.field}</code></td>
                <td role="cell" data-label="Condition"><span className="plain-long"><LongText text={row.expected} limit={200} /></span></td>
                <td role="cell" data-label="Actual"><code className="plain-long"><LongText text={row.actual} /></code></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
