import { Link } from "react-router";
import type { Setting } from "../../api/policyTypes";
import { LongText } from "../../components/JsonTree";
import { originWords, assignmentPath, sumOf } from "../../lib/policy";
import { valueText } from "../../lib/evidence";
import { sentence } from "../../lib/format";

/** Parameters of a definition as an assignment sets them, with who says so. */
export function SettingDetail({ setting, assignment }: { setting: Setting; assignment: string }) {
  const parameters = Object.entries(setting.parameters);
  const resources = `${assignmentPath(assignment)}&tab=resources${setting.reference ? `&reference=${encodeURIComponent(setting.reference)}` : ""}`;
  return (
    <div className="stack wide">
      {setting.problem && <p className="tone-Unhealthy">Not in force: {sentence(setting.problem)}</p>}
      {setting.notEvaluated && <p className="tone-Unknown">Not evaluated here: {sentence(setting.notEvaluated)} Nothing is known of its resources.</p>}
      {setting.message && <p><span className="muted">Told to whom it concerns:</span> {setting.message}</p>}
      {setting.someResources.length > 0 && (
        <ul>
          {setting.someResources.map((own, at) => <li key={at}>The effect is <strong>{own.effect}</strong>{own.selectors.length > 0 && <> where <code>{own.selectors.join(" and ")}</code></>}, by an override of the assignment.</li>)}
        </ul>
      )}
      {parameters.length === 0 ? <p className="muted">It has no parameters.</p> : (
        <div className="detail-table">
          <table className="table cards" role="table" aria-label="Parameters">
            <thead role="rowgroup">
              <tr role="row"><th role="columnheader">Parameter</th><th role="columnheader">Value</th><th role="columnheader">Comes from</th></tr>
            </thead>
            <tbody role="rowgroup">
              {parameters.map(([name, { value, from }]) => (
                <tr role="row" className="plain-row" key={name}>
                  <td role="cell" data-label="Parameter"><code>{name}</code></td>
                  <td role="cell" data-label="Value"><code className="pre-wrap"><LongText text={valueText(value)} /></code></td>
                  <td role="cell" data-label="Comes from"><span>{originWords(from)}</span></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {sumOf(setting.counts) > 0 && <p><Link to={resources}>Its resources</Link></p>}
    </div>
  );
}
