import { Input, Select } from "@fluentui/react-components";
import { Search16Regular } from "@fluentui/react-icons";
import { useState, type ReactNode } from "react";
import type { Finding } from "../api/types";
import { countByStatus, filterFindings } from "../lib/findings";
import { formatCount, plural, words } from "../lib/format";
import { STATUSES } from "../lib/recommendations";
import { DataTable } from "./DataTable";
import { VerdictDetail } from "./EvidenceTable";
import { SeverityBadge } from "./SeverityBadge";
import { Legend, StackedBar } from "./StackedBar";
import { StatusBadge } from "./StatusBadge";

const LABEL = "Findings";

/** The findings inside an assessment, with a filter of their own since a baseline has well over a hundred. */
export function FindingsTable({ findings, action }: { findings: readonly Finding[]; action?: (finding: Finding) => ReactNode }) {
  const counts = countByStatus(findings);
  const [text, setText] = useState("");
  const [status, setStatus] = useState(counts.Unhealthy > 0 ? "Unhealthy" : "");
  const shown = filterFindings(findings, text, status);
  const shares = STATUSES.map((name) => ({ name, count: counts[name] }));
  return (
    <section className="stack" aria-label={LABEL}>
      <div className="row spread">
        <strong>{plural(findings.length, "finding")}</strong>
        <Legend shares={shares} />
      </div>
      <StackedBar shares={shares} />
      <div className="filters">
        <Input
          className="grow" size="small" type="search" value={text} aria-label="Search findings" placeholder="Search findings"
          contentBefore={<Search16Regular aria-hidden />} onChange={(_, data) => setText(data.value)}
        />
        <Select size="small" value={status} aria-label="Status of findings" onChange={(_, data) => setStatus(data.value)}>
          <option value="">All statuses ({formatCount(findings.length)})</option>
          {STATUSES.map((name) => (
            <option key={name} value={name}>{words(name)} ({formatCount(counts[name])})</option>
          ))}
        </Select>
      </div>
      {shown.length === 0 ? (
        <p className="muted">No finding matches. Change the text or the status.</p>
      ) : (
        <div className="detail-table scroll-rows">
          <DataTable
            label={LABEL} groups={[{ key: "", title: null, rows: shown }]} rowKey={(finding) => finding.id} rowName={(finding) => finding.title}
            columns={[
              { key: "title", header: "Finding", isLead: true, cell: (finding) => (<><div>{finding.title}</div><div className="small muted">{finding.id}</div></>) },
              { key: "severity", header: "Severity", width: "110px", cell: (finding) => <SeverityBadge severity={finding.severity} /> },
              { key: "status", header: "Status", width: "140px", cell: (finding) => <StatusBadge status={finding.status} /> },
            ]}
            detail={(finding) => (
              <div className="stack">
                <VerdictDetail verdict={finding} />
                {action && <div>{action(finding)}</div>}
              </div>
            )}
          />
        </div>
      )}
    </section>
  );
}
