import { Link } from "react-router";
import type { Overview } from "../../api/types";
import { formatPercent, formatPoints } from "../../lib/format";
import { scoreSentence } from "../../lib/score";
import { ScoreGauge } from "./ScoreGauge";

export function ScoreCard({ overview }: { overview: Overview }) {
  const score = overview.secureScore;
  const [low, high] = score.range;
  if (score.max === 0) {
    return (
      <section className="card score-card" aria-label="Secure score">
        <h2>Secure score</h2>
        <p className="muted">There is no score yet: no check that counts has a verdict.</p>
      </section>
    );
  }
  return (
    <section className="card score-card" aria-label="Secure score">
      <h2>Secure score</h2>
      <ScoreGauge score={score} />
      <div className="gauge-scale" aria-hidden><span>{formatPercent(0)}</span><span>{formatPercent(1)}</span></div>
      <p>{scoreSentence(score, overview.assessments, overview.coverage)}</p>
      <dl className="facts">
        <dt>Range</dt>
        <dd className="row number"><span className="swatch-band" aria-hidden />{formatPercent(low)} to {formatPercent(high)}</dd>
        <dt>Coverage</dt>
        <dd className="number">{formatPercent(score.coverage)} of the checks that count have a verdict. <Link to="/coverage" className="nowrap">What is missing</Link></dd>
        <dt>Points</dt>
        <dd className="number">{formatPoints(score.current)} of {formatPoints(score.max)}</dd>
      </dl>
    </section>
  );
}
