import { lazy, Suspense, useMemo } from "react";
import type { TrendPoint } from "../../api/types";
import { settledTrend } from "../../lib/score";
import { useIsDark } from "../../lib/useIsDark";

const TrendChart = lazy(() => import("./TrendChart"));

export function TrendCard({ points }: { points: readonly TrendPoint[] }) {
  const isDark = useIsDark();
  const settled = useMemo(() => settledTrend(points), [points]);
  return (
    <section className="card grow-card" aria-label="Secure score over time">
      <div className="card-head">
        <h2>Secure score over time</h2>
        <ul className="plain legend small muted">
          <li><span className="swatch" style={{ background: "var(--score)", height: 3 }} aria-hidden />Score</li>
          <li><span className="swatch" style={{ background: "var(--score-band)" }} aria-hidden />Range</li>
        </ul>
      </div>
      {settled.length < 2 ? (
        <p className="muted">The trend appears after the next assessment.</p>
      ) : (
        <Suspense fallback={<div className="trend" />}><TrendChart points={settled} isDark={isDark} /></Suspense>
      )}
    </section>
  );
}
