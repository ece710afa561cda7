import { CheckmarkCircle16Filled, DismissCircle16Filled } from "@fluentui/react-icons";
import { Link } from "react-router";
import { useMay } from "../../api/peopleQueries";
import type { AuditLine } from "../../api/peopleTypes";
import { DataTable } from "../../components/DataTable";
import { JsonTree } from "../../components/JsonTree";
import { PartedText } from "../../components/PartedText";
import { Time } from "../../components/Time";
import { isDone, isPrincipalId } from "../../lib/audit";
import { formatCount, shorten, words } from "../../lib/format";
import { PRINCIPALS_READ } from "../../lib/actions";
import { principalPath } from "../../lib/people";

/** Lines of the audit log as they are given, the newest first. */
export function AuditTable({ lines }: { lines: readonly AuditLine[] }) {
  return (
    <DataTable
      label="Audit log" groups={[{ key: "", title: null, rows: lines }]} rowKey={(line) => String(line.number)} rowName={(line) => `line ${line.number}`}
      columns={[
        { key: "at", header: "When", width: "170px", cell: (line) => <span className="nowrap"><Time at={line.at} /></span> },
        { key: "who", header: "Who", width: "190px", cell: (line) => <bdi>{line.principalName || line.principal || "Nobody signed in"}</bdi> },
        { key: "action", header: "Action", isLead: true, cell: (line) => <Action line={line} /> },
        { key: "outcome", header: "Outcome", width: "170px", cell: (line) => <Outcome outcome={line.outcome} /> },
      ]}
      detail={(line) => <Detail line={line} />}
    />
  );
}

function Action({ line }: { line: AuditLine }) {
  return (
    <div className="stack" style={{ gap: 0 }}>
      <span className="breakable"><bdi><PartedText text={line.action} /></bdi></span>
      {line.target && <span className="small muted clip" title={shorten(line.target, 1000)}><bdi>{line.target}</bdi></span>}
    </div>
  );
}

function Outcome({ outcome }: { outcome: string }) {
  const isGood = isDone(outcome);
  const Icon = isGood ? CheckmarkCircle16Filled : DismissCircle16Filled;
  return <span className={`badge ${isGood ? "tone-Healthy" : "tone-Unhealthy"}`} style={{ whiteSpace: "normal" }}><Icon aria-hidden />{words(shorten(outcome, 80))}</span>;
}

function Detail({ line }: { line: AuditLine }) {
  const may = useMay();
  const hasDetails = typeof line.details === "object" && line.details !== null && Object.keys(line.details).length > 0;
  return (
    <div className="stack wide">
      <dl className="facts">
        <dt>Line</dt><dd className="number">{formatCount(line.number)}</dd>
        {line.target && <><dt>On what</dt><dd className="breakable"><bdi>{line.target}</bdi></dd></>}
        {line.principal && <><dt>Who</dt><dd>{may(PRINCIPALS_READ) && isPrincipalId(line.principal) ? <Link to={principalPath(line.principal)}>{line.principal}</Link> : line.principal}</dd></>}
        {line.address && <><dt>From</dt><dd><bdi>{line.address}</bdi></dd></>}
        <dt>Hash</dt><dd><code className="breakable">{line.hash}</code></dd>
      </dl>
      {hasDetails && <div className="stack" style={{ gap: 4 }}><strong>Details</strong><JsonTree value={line.details} openDepth={2} /></div>}
    </div>
  );
}
