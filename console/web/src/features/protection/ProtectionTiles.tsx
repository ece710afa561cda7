import { CheckmarkCircle16Filled, CircleOff16Regular, HourglassHalf16Regular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { PlansAnswer } from "../../api/planTypes";
import { builtText, planPath } from "../../lib/plans";
import { protectionsOf, type Protection } from "../../lib/protection";

/** What each plan brings, with what of it is there, what is off and what nobody has built yet. */
export function ProtectionTiles({ answer }: { answer: PlansAnswer }) {
  const all = protectionsOf(answer);
  const plans = [...new Set(all.map((own) => own.plan))];
  return (
    <section className="stack" aria-label="Protections">
      <h2 className="section-title">Advanced protection</h2>
      <div className="tiles">
        {plans.map((plan) => (
          <article key={plan.name} className="card stack" aria-label={plan.title}>
            <div className="row spread"><h3><Link to={planPath(plan.name)}>{plan.title}</Link></h3><span className="small muted">{builtText(plan)}</span></div>
            <ul className="plain stack" style={{ gap: 6 }}>
              {all.filter((own) => own.plan === plan).map((own) => <li key={own.title}><Line own={own} /></li>)}
            </ul>
          </article>
        ))}
      </div>
    </section>
  );
}

function Line({ own: { title, isBuilt, counts } }: { own: Protection }) {
  if (!isBuilt) return <Tile icon={<HourglassHalf16Regular aria-hidden />} tone="tone-NotApplicable" title={title} state="Not available yet" />;
  if (counts.on === 0) return <Tile icon={<CircleOff16Regular aria-hidden />} tone="tone-Unknown" title={title} state={counts.off > 0 ? "Off everywhere" : "Not told whether it is on"} />;
  const isWhole = counts.off + counts.unknown === 0;
  return <Tile icon={<CheckmarkCircle16Filled aria-hidden />} tone="tone-Healthy" title={title} state={isWhole ? "On" : `On in ${counts.on} of ${counts.on + counts.off + counts.unknown}`} />;
}

function Tile({ icon, tone, title, state }: { icon: ReactNode; tone: string; title: string; state: string }) {
  return <span className="protection-line"><span className={tone}>{icon}</span><span>{title}</span><span className={`small ${tone}`}>{state}</span></span>;
}
