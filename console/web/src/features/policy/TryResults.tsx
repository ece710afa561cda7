import {
  CheckmarkCircle16Filled, CircleOff16Regular, Clock16Regular, DismissCircle16Filled, Edit16Regular, Flag16Filled, LockClosed16Regular, PersonAvailable16Regular, QuestionCircle16Filled, SubtractCircle16Regular,
} from "@fluentui/react-icons";
import type { ComponentType } from "react";
import type { TrialResult } from "../../api/policyTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { EvidenceTable } from "../../components/EvidenceTable";
import { JsonTree } from "../../components/JsonTree";
import { valueText } from "../../lib/evidence";
import { plural, sentence } from "../../lib/format";
import { roleName, templateResources } from "../../lib/policyDetails";

interface Sign {
  word: string;
  tone: string;
  Icon: ComponentType<{ "aria-hidden"?: boolean }>;
}

const DOORS: Record<string, Sign> = {
  allowed: { word: "It would be let in as it is", tone: "Healthy", Icon: CheckmarkCircle16Filled },
  denied: { word: "It would be denied", tone: "Unhealthy", Icon: DismissCircle16Filled },
  changed: { word: "It would be changed, then let in", tone: "Protected", Icon: Edit16Regular },
  marked: { word: "It would be let in, marked as non-compliant", tone: "Unhealthy", Icon: Flag16Filled },
  later: { word: "It would be let in; the rest is looked at once it exists", tone: "Manual", Icon: Clock16Regular },
  undecided: { word: "It can't be decided", tone: "Unknown", Icon: QuestionCircle16Filled },
  notEvaluated: { word: "It can't be evaluated here", tone: "Unknown", Icon: CircleOff16Regular },
};

const NOT_CONCERNED: Sign = { word: "The policy does not concern it", tone: "NotApplicable", Icon: SubtractCircle16Regular };

const STATES: Record<TrialResult["state"], Sign> = {
  Compliant: { word: "Compliant", tone: "Healthy", Icon: CheckmarkCircle16Filled },
  NonCompliant: { word: "Non-compliant", tone: "Unhealthy", Icon: DismissCircle16Filled },
  NotApplicable: NOT_CONCERNED,
  Protected: { word: "Protected: what it refuses are actions", tone: "Protected", Icon: LockClosed16Regular },
  Manual: { word: "Not attested yet: a person has to look", tone: "Manual", Icon: PersonAvailable16Regular },
  Unread: { word: "Not known: something that it asks for could not be read", tone: "Unknown", Icon: QuestionCircle16Filled },
  Disabled: { word: "Switched off: nothing is judged", tone: "NotApplicable", Icon: CircleOff16Regular },
  NotEvaluated: { word: "Not evaluated here", tone: "Unknown", Icon: CircleOff16Regular },
};

/** What a definition says of each resource: at the door, and once it exists. */
export function TryResults({ results }: { results: readonly TrialResult[] }) {
  return results.map((result, at) => <ResultCard key={`${at} ${result.resource}`} result={result} />);
}

function Signed({ sign }: { sign: Sign }) {
  return <span className={`badge tone-${sign.tone}`} style={{ whiteSpace: "normal" }}><sign.Icon aria-hidden />{sign.word}</span>;
}

function ResultCard({ result }: { result: TrialResult }) {
  const door = result.state === "NotApplicable" || !result.door ? NOT_CONCERNED : DOORS[result.door] ?? DOORS.undecided ?? NOT_CONCERNED;
  return (
    <section className="card stack wide" aria-label={`Outcome for ${result.name}`}>
      <div>
        <h2><bdi>{result.name}</bdi></h2>
        <p className="small muted">{result.type}, effect {result.effect}</p>
      </div>
      <dl className="facts">
        <dt>At the door</dt>
        <dd><Signed sign={door} />{result.because && <div>{sentence(result.because)}</div>}</dd>
        <dt>If it existed like this</dt>
        <dd><Signed sign={STATES[result.state] ?? STATES.Unread} /></dd>
        {result.notEvaluated && <><dt>Why not</dt><dd>{sentence(result.notEvaluated)}</dd></>}
        {result.error && <><dt>What failed</dt><dd className="tone-Unhealthy">{sentence(result.error)}</dd></>}
        {result.unreadable.length > 0 && <><dt>Not known</dt><dd className="tone-Unknown"><ul className="plain">{result.unreadable.map((own) => <li key={own}>{own}</li>)}</ul></dd></>}
      </dl>
      {result.changes.length > 0 && <Changes changes={result.changes} />}
      {result.evidence.length > 0 && (
        <div className="stack">
          <h3 className="small">What was tested, and what was there</h3>
          <EvidenceTable evidence={result.evidence} />
        </div>
      )}
      {result.remediation && <Remediation remediation={result.remediation} />}
    </section>
  );
}

const shown = (value: unknown): string => (value === null || value === undefined ? "not set" : valueText(value));

function Changes({ changes }: { changes: TrialResult["changes"] }) {
  return (
    <div className="detail-table">
      <table className="table cards" role="table" aria-label="Changes">
        <thead role="rowgroup"><tr role="row"><th role="columnheader">Field</th><th role="columnheader">Before</th><th role="columnheader">After</th></tr></thead>
        <tbody role="rowgroup">
          {changes.map((change, at) => (
            <tr role="row" className="plain-row" key={`${at} ${change.field}`}>
              <td role="cell" data-label="Field"><code>{change.field}</code></td>
              <td role="cell" data-label="Before"><code className="pre-wrap">{shown(change.before)}</code></td>
              <td role="cell" data-label="After"><code className="pre-wrap">{shown(change.after)}</code></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Remediation({ remediation }: { remediation: NonNullable<TrialResult["remediation"]> }) {
  const resources = templateResources(remediation.deployment);
  return (
    <div className="stack">
      <h3 className="small">If no such resource exists, a remediation deploys {plural(resources.length, "resource")}{remediation.roles.length > 0 && `, with the role${remediation.roles.length === 1 ? "" : "s"} ${remediation.roles.map(roleName).join(", ")}`}</h3>
      {resources.length > 0 && <JsonTree value={resources} openDepth={2} />}
      <details><summary>The whole deployment</summary><CopyBlock title="Deployment" text={JSON.stringify(remediation.deployment, null, 2)} /></details>
    </div>
  );
}
