import { Link } from "react-router";
import type { RecommendationDetail } from "../../api/types";
import { formatPoints, plural, words } from "../../lib/format";
import { planPath } from "../../lib/plans";

export function RecommendationFacts({ detail }: { detail: RecommendationDetail }) {
  const { recommendation, control, plan } = detail;
  const impact = recommendation.user_impact ?? recommendation.userImpact;
  const standards = Object.entries(recommendation.compliance ?? {});
  return (
    <section className="card" aria-label="About this recommendation">
      <dl className="facts">
        <dt>Security control</dt>
        <dd>
          {control
            ? <><Link to={`/recommendations?control=${encodeURIComponent(control.id)}`}>{control.title}</Link>, {formatPoints(control.max)} points</>
            : "None: it does not count in the secure score"}
        </dd>
        {detail.custom && <><dt>Judged by</dt><dd>A client, through the API; scans leave its verdicts as they are</dd></>}
        {recommendation.type && <><dt>Resource type</dt><dd>{recommendation.type}</dd></>}
        {recommendation.effort && <><dt>Effort to mend</dt><dd>{words(recommendation.effort)}</dd></>}
        {impact && <><dt>User impact</dt><dd>{words(impact)}</dd></>}
        {plan && (
          <>
            <dt>Plan</dt>
            <dd>
              <Link to={planPath(plan.name)}>{plan.title || plan.name}</Link>{plan.subPlans.length > 0 && ` (${plan.subPlans.join(", ")})`}
              {plan.offIn.length > 0 && <div className="tone-Unknown">Off in {plural(plan.offIn.length, "account")}: nothing is judged there</div>}
            </dd>
          </>
        )}
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
        <dd><code className="breakable">{recommendation.id}</code></dd>
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
