import { Link } from "react-router";
import type { RecommendationDetail } from "../../api/types";
import { formatPoints, words } from "../../lib/format";

export function RecommendationFacts({ detail }: { detail: RecommendationDetail }) {
  const { recommendation, control } = detail;
  const impact = recommendation.user_impact ?? recommendation.userImpact;
  const standards = Object.entries(recommendation.compliance ?? {});
  return (
    <section className="card" aria-label="About this recommendation">
      <dl className="facts">
        {control && (
          <>
            <dt>Security control</dt>
            <dd><Link to={`/recommendations?control=${encodeURIComponent(control.id)}`}>{control.title}</Link>, {formatPoints(control.max)} points</dd>
          </>
        )}
        <dt>Resource type</dt>
        <dd>{recommendation.type}</dd>
        <dt>Effort to mend</dt>
        <dd>{words(recommendation.effort)}</dd>
        {impact && <><dt>User impact</dt><dd>{words(impact)}</dd></>}
        {(recommendation.threats ?? []).length > 0 && (
          <><dt>Threats</dt><dd className="row">{recommendation.threats?.map((threat) => <span className="tag" key={threat}>{words(threat)}</span>)}</dd></>
        )}
        {(recommendation.categories ?? []).length > 0 && (
          <><dt>Categories</dt><dd className="row">{recommendation.categories?.map((category) => <span className="tag" key={category}>{words(category)}</span>)}</dd></>
        )}
        {standards.map(([standard, ids]) => (
          <Standard key={standard} standard={standard} ids={ids} />
        ))}
        <dt>Id</dt>
        <dd><code>{recommendation.id}</code></dd>
      </dl>
    </section>
  );
}

function Standard({ standard, ids }: { standard: string; ids: readonly string[] }) {
  return (
    <>
      <dt><Link to={`/compliance/${encodeURIComponent(standard)}`}>{standard}</Link></dt>
      <dd className="row">{ids.map((id) => <span className="tag" key={id}>{id}</span>)}</dd>
    </>
  );
}
