import { Link } from "react-router";
import { useStandards } from "../../api/queries";
import type { ComplianceState, StandardRow } from "../../api/types";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Legend, StackedBar } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import { plural } from "../../lib/format";

export const STATES: readonly ComplianceState[] = ["Failed", "Unknown", "Passed", "Manual", "NotApplicable"];

export const sharesOf = (row: Pick<StandardRow, "controlsByState">) => STATES.map((name) => ({ name, count: row.controlsByState[name] ?? 0 }));

export default function CompliancePage() {
  const query = useStandards();
  return (
    <div className="page">
      <PageHead title="Compliance" tabTitle="Compliance" lead="How your environments stand against published standards. What no check can decide is marked manual." />
      <Loaded query={query}>
        {(standards) => standards.length === 0
          ? <div className="card"><EmptyNote title="No standard is installed" /></div>
          : <div className="columns">{standards.map((standard) => <StandardCard key={standard.id} standard={standard} />)}</div>}
      </Loaded>
    </div>
  );
}

function StandardCard({ standard }: { standard: StandardRow }) {
  const shares = sharesOf(standard);
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  return (
    <section className="card stack wide" aria-label={standard.title}>
      <div className="stack" style={{ gap: 2 }}>
        <h2><Link to={`/compliance/${encodeURIComponent(standard.id)}`}>{standard.title}</Link></h2>
        <div className="row spread"><StatusBadge status={standard.state} /><span className="muted small">{plural(total, "control")}</span></div>
      </div>
      <StackedBar shares={shares} isTall />
      <Legend shares={shares} />
    </section>
  );
}
