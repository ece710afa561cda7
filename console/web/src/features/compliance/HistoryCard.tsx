import { lazy, Suspense } from "react";
import { useStandardHistory } from "../../api/queries";
import type { Scope } from "../../api/complianceTypes";
import { Loaded } from "../../components/PageStates";
import { useIsDark } from "../../lib/useIsDark";

const HistoryChart = lazy(() => import("./HistoryChart"));

const SIGNS = [["Passed", "Passed"], ["Unknown", "Unknown"], ["Failed", "Failed"]] as const;

/** How the judged controls of a standard stood over time. */
export function HistoryCard({ id, scope }: { id: string; scope: Scope }) {
  const isDark = useIsDark();
  const query = useStandardHistory(id, scope);
  return (
    <section className="card" aria-label="Controls over time">
      <div className="card-head">
        <h2>Over time</h2>
        <ul className="plain legend small muted">
          {SIGNS.map(([name, word]) => <li key={name}><span className={`swatch fill-${name}`} aria-hidden />{word}</li>)}
        </ul>
      </div>
      <Loaded query={query} rows={4}>
        {(points) => points.length < 2 ? (
          <p className="muted">{points.length === 0 ? "Nothing of this standard was judged yet." : "The trend appears after the next assessment."}</p>
        ) : (
          <Suspense fallback={<div className="trend" />}><HistoryChart points={points} isDark={isDark} /></Suspense>
        )}
      </Loaded>
    </section>
  );
}
