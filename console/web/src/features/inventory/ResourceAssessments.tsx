import { useMemo } from "react";
import { Link } from "react-router";
import type { Assessment } from "../../api/types";
import { DataTable } from "../../components/DataTable";
import { recommendationPath } from "../../components/links";
import { EmptyNote } from "../../components/PageStates";
import { SeverityBadge } from "../../components/SeverityBadge";
import { Legend } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import { countByStatus } from "../../lib/findings";
import { plural } from "../../lib/format";
import { compareSeverity, compareStatus, STATUSES } from "../../lib/recommendations";
import { useTitles } from "../changes/useTitles";
import { AssessmentDetail } from "../recommendations/AssessmentTable";

/** The verdicts on one resource, the worst first. */
export function ResourceAssessments({ assessments }: { assessments: readonly Assessment[] }) {
  const titles = useTitles();
  const sorted = useMemo(
    () => [...assessments].sort((a, b) => {
      const [left, right] = [titles.get(a.recommendation), titles.get(b.recommendation)];
      const bySeverity = left && right ? compareSeverity(left.severity, right.severity) : 0;
      return compareStatus(a.status, b.status) || bySeverity || a.recommendation.localeCompare(b.recommendation);
    }),
    [assessments, titles],
  );
  const counts = countByStatus(assessments);
  const titleOf = (row: Assessment) => titles.get(row.recommendation)?.title ?? row.recommendation;
  return (
    <section className="card flush" aria-label="Assessments">
      <div className="card-head">
        <h2>Assessments</h2>
        <Legend shares={STATUSES.map((name) => ({ name, count: counts[name] })).filter((share) => share.count > 0)} />
      </div>
      {sorted.length === 0 ? <EmptyNote title="No recommendation concerns this resource"><p>Nothing is known to be wrong with it, and nothing is known to be right.</p></EmptyNote> : (
        <DataTable
          label="Assessments" groups={[{ key: "", title: null, rows: sorted }]} rowKey={(row) => row.recommendation} rowName={titleOf}
          columns={[
            {
              key: "title", header: "Recommendation", isLead: true,
              cell: (row) => (
                <>
                  <Link to={recommendationPath(row.recommendation)} className="cell-title">{titleOf(row)}</Link>
                  {(row.findings ?? []).length > 0 && <div className="small muted">{plural(countByStatus(row.findings ?? []).Unhealthy, "unhealthy finding")} of {row.findings?.length}</div>}
                </>
              ),
            },
            {
              key: "severity", header: "Severity", width: "106px",
              cell: (row) => {
                const severity = titles.get(row.recommendation)?.severity;
                return severity ? <SeverityBadge severity={severity} /> : null;
              },
            },
            { key: "status", header: "Status", width: "152px", cell: (row) => <StatusBadge status={row.status} /> },
          ]}
          detail={(row) => <AssessmentDetail assessment={row} title={titleOf(row)} />}
        />
      )}
    </section>
  );
}
