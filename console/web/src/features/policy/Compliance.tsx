import type { ReactNode } from "react";
import type { Counted } from "../../api/policyTypes";
import { Legend, StackedBar } from "../../components/StackedBar";
import { formatPercent } from "../../lib/format";
import { compliantSentence, sharesOfStates, sumOf } from "../../lib/policy";

/** The compliant share as a number and a bar, in a cell of a table. */
export function ComplianceCell({ counted }: { counted: Counted }) {
  if (sumOf(counted.counts) === 0) return <span className="muted">No resource concerned</span>;
  return (
    <span className="stack" style={{ gap: 4 }} title={compliantSentence(counted)}>
      <strong className="number">{share(counted)}</strong>
      <StackedBar shares={sharesOfStates(counted.counts)} />
    </span>
  );
}

const share = ({ compliant }: Counted): string => (compliant === null || compliant === undefined ? "Not judged" : formatPercent(compliant));

/** Resources by state, with what the share of compliant ones is made of. */
export function ComplianceCard({ counted, title, note, children }: { counted: Counted; title: string; note?: string; children?: ReactNode }) {
  const shares = sharesOfStates(counted.counts);
  const isEmpty = sumOf(counted.counts) === 0;
  return (
    <section className="card stack wide" aria-label={title}>
      <div className="stack" style={{ gap: 2 }}>
        <h2>{title}</h2>
        {!isEmpty && <span className="big-number" data-testid="compliant">{share(counted)}{counted.compliant !== null && counted.compliant !== undefined && " compliant"}</span>}
        <p className="muted">{compliantSentence(counted)}{note && !isEmpty && ` ${note}`}</p>
      </div>
      {!isEmpty && <StackedBar shares={shares} isTall />}
      {!isEmpty && <Legend shares={shares.filter((one) => one.count > 0)} />}
      {children}
    </section>
  );
}
