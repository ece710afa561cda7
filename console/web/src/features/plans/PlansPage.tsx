import { Fragment, useState } from "react";
import { Link } from "react-router";
import { usePlans } from "../../api/planQueries";
import type { Plan, PlansAnswer } from "../../api/planTypes";
import { DataTable } from "../../components/DataTable";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { ShowMore } from "../../components/ShowMore";
import { formatCount, plural } from "../../lib/format";
import { builtText, countsOf, filterSubscriptions, planPath, successorsOf } from "../../lib/plans";
import { useUrlState } from "../../lib/useUrlState";
import { PlanMatrix } from "./PlanMatrix";
import { PlanShare } from "./PlanShare";

/** Subscriptions laid out before a person asks for more. */
const STEP = 50;

export default function PlansPage() {
  const query = usePlans();
  return (
    <div className="page">
      <PageHead title="Plans" tabTitle="Plans" lead="What Skywarden does for which subscription. A plan that is off does none of its work there; what of a plan is not built yet is said on its page." />
      <Loaded query={query} rows={10}>
        {(answer) => answer.plans.length === 0 ? <div className="card"><EmptyNote title="This installation has no plans"><p>Plans come with the content of Skywarden; the server&apos;s log says which files it skipped, and why.</p></EmptyNote></div> : <><PlanTable answer={answer} /><Coverage answer={answer} /></>}
      </Loaded>
    </div>
  );
}

function PlanTable({ answer }: { answer: PlansAnswer }) {
  const rows = answer.plans.map((plan) => ({ plan, counts: countsOf(plan.name, answer.subscriptions) }));
  return (
    <section className="card flush" aria-label="Plans">
      <DataTable
        label="Plans" groups={[{ key: "", title: null, rows }]} rowKey={({ plan }) => plan.name}
        columns={[
          { key: "title", header: "Plan", isLead: true, width: "230px", cell: ({ plan }) => <Link className="cell-title" to={planPath(plan.name)}>{plan.title}</Link> },
          { key: "description", header: "What it is for", cell: ({ plan }) => <>{plan.description}<Successors plan={plan} plans={answer.plans} /></> },
          { key: "built", header: "What is built", width: "150px", cell: ({ plan }) => builtText(plan) },
          { key: "on", header: "Subscriptions", width: "170px", cell: ({ counts }) => <PlanShare counts={counts} /> },
        ]}
      />
    </section>
  );
}

export function Successors({ plan, plans }: { plan: Plan; plans: readonly Plan[] }) {
  const successors = successorsOf(plan, plans);
  if (successors.length === 0) return null;
  return <> Replaced by {successors.map((own, at) => <Fragment key={own.name}>{at > 0 && ", "}<Link to={planPath(own.name)}>{own.title}</Link></Fragment>)}.</>;
}

function Coverage({ answer }: { answer: PlansAnswer }) {
  const { values, set } = useUrlState(["q"]);
  const [limit, setLimit] = useState(STEP);
  const found = filterSubscriptions(answer.subscriptions, values.q);
  return (
    <section className="stack" aria-label="Coverage">
      <h2 className="section-title">By subscription</h2>
      {(answer.subscriptions.length > 5 || values.q) && (
        <div className="filters">
          <SearchBox label="Search subscriptions" value={values.q} placeholder="Name, id or connector" onChange={(q) => set({ q })} />
          {values.q && <ClearFilters onClear={() => set({ q: "" })} />}
        </div>
      )}
      <p className="muted" aria-live="polite">{plural(found.length, "subscription")}{values.q && ` of ${formatCount(answer.subscriptions.length)}`}</p>
      <div className="card flush">
        {found.length > 0 ? <PlanMatrix plans={answer.plans} subscriptions={found.slice(0, limit)} /> : (
          <EmptyNote title={values.q ? "No subscription matches" : "There is no subscription yet"}>{!values.q && <p>Connect an environment with <code>skywarden connect</code>.</p>}</EmptyNote>
        )}
        <ShowMore left={found.length - limit} onMore={() => setLimit(limit + STEP)} />
      </div>
    </section>
  );
}
