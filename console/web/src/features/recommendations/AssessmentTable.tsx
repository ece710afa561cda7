import { Button } from "@fluentui/react-components";
import { ShieldDismiss16Regular } from "@fluentui/react-icons";
import { useMay } from "../../api/peopleQueries";
import type { Assessment } from "../../api/types";
import { AccountName } from "../../components/AccountName";
import { DataTable, type Selection } from "../../components/DataTable";
import { VerdictDetail } from "../../components/EvidenceTable";
import { FindingsTable } from "../../components/FindingsTable";
import { ResourceLink } from "../../components/links";
import { JsonTree } from "../../components/JsonTree";
import { StatusBadge } from "../../components/StatusBadge";
import { Time } from "../../components/Time";
import { EXEMPTIONS_WRITE } from "../../lib/actions";
import { countByStatus } from "../../lib/findings";
import { plural, sentence, words } from "../../lib/format";
import { ExemptDialog } from "../exemptions/ExemptDialog";
import { useSampleConnectors } from "../inventory/useConnectors";

/** Assessments of one recommendation: a row per resource, opening to what the verdict rests on. */
export function AssessmentTable({ assessments, title, selection }: { assessments: readonly Assessment[]; title: string; selection?: Selection<Assessment> }) {
  const samples = useSampleConnectors();
  return (
    <DataTable
      label="Assessments" groups={[{ key: "", title: null, rows: assessments }]} rowKey={(row) => row.resource} rowName={(row) => row.name || row.resource} selection={selection}
      columns={[
        {
          key: "resource", header: "Resource", isLead: true,
          cell: (row) => (
            <div className="resource-cell">
              <ResourceLink id={row.resource} name={row.name} isSample={samples.has(row.connector)} />
            </div>
          ),
        },
        { key: "status", header: "Status", width: "240px", cell: (row) => <StatusCell row={row} /> },
        { key: "place", header: "Account and location", width: "170px", cell: (row) => <><div className="clip"><AccountName id={row.account} /></div><div className="small muted">{row.location}</div></> },
        { key: "since", header: "Since", width: "180px", cell: (row) => <Time at={row.statusChangedAt} /> },
      ]}
      detail={(row) => <AssessmentDetail assessment={row} title={title} />}
    />
  );
}

function StatusCell({ row }: { row: Assessment }) {
  const unhealthy = row.findings ? countByStatus(row.findings).Unhealthy : 0;
  return (
    <div className="stack" style={{ gap: 0 }}>
      <StatusBadge status={row.status} />
      {unhealthy > 0 && <span className="small muted">{plural(unhealthy, "unhealthy finding")}</span>}
      {row.cause && <span className="small muted two-lines" title={row.cause.message}>{row.cause.code.startsWith("Exempt") ? words(row.cause.code) : sentence(row.cause.message)}</span>}
    </div>
  );
}

/** Everything about one verdict, with the way to set it aside. */
export function AssessmentDetail({ assessment, title }: { assessment: Assessment; title: string }) {
  const findings = assessment.findings ?? [];
  const resource = { id: assessment.resource, name: assessment.name };
  const isExempt = assessment.cause?.code.startsWith("Exempt") ?? false;
  // What a client judges is set aside by that client.
  const canExempt = useMay()(EXEMPTIONS_WRITE) && !assessment.written;
  return (
    <div className="stack wide">
      {assessment.written ? <Written assessment={assessment} written={assessment.written} /> : (findings.length === 0 || assessment.cause) && <VerdictDetail verdict={assessment} />}
      {findings.length > 0 && (
        <FindingsTable
          findings={findings}
          action={(finding) => canExempt && (finding.status === "Unhealthy" || finding.status === "Unknown") && (
            <ExemptDialog
              subject={{ recommendation: assessment.recommendation, title, resource, finding: { id: finding.id, title: finding.title } }}
              trigger={<Button size="small" icon={<ShieldDismiss16Regular />}>Exempt this finding</Button>}
            />
          )}
        />
      )}
      <p className="small muted">First assessed <Time at={assessment.firstEvaluatedAt} />.</p>
      {canExempt && !isExempt && assessment.status !== "NotApplicable" && (
        <div>
          <ExemptDialog
            subject={{ recommendation: assessment.recommendation, title, resource }}
            trigger={<Button size="small" icon={<ShieldDismiss16Regular />}>Exempt this resource</Button>}
          />
        </div>
      )}
    </div>
  );
}

/** What a client said of its verdict. */
function Written({ assessment, written }: { assessment: Assessment; written: NonNullable<Assessment["written"]> }) {
  const { cause, description, additionalData = {} } = written;
  const isBare = !cause && !description && Object.keys(additionalData).length === 0;
  return (
    <div className="stack">
      <p className="small muted">Written by a client through the API.</p>
      {isBare && <p className="muted">It gave no reason for {words(assessment.status).toLowerCase()}.</p>}
      {(cause || description) && <p><bdi>{cause && <strong>{cause}{description && ": "}</strong>}{description}</bdi></p>}
      {Object.keys(additionalData).length > 0 && <JsonTree value={additionalData} />}
    </div>
  );
}
