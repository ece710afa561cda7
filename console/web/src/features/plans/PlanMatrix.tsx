import { Link } from "react-router";
import type { Plan, PlanSubscription } from "../../api/planTypes";
import { DataTable } from "../../components/DataTable";
import { coverageOf, planPath, pricingOf, titleOf } from "../../lib/plans";
import { PlanShare } from "./PlanShare";
import { PlanState } from "./PlanState";

/** Subscriptions by plans. It scrolls sideways inside its card; on narrow screens each subscription is a card of its own. */
export function PlanMatrix({ plans, subscriptions }: { plans: readonly Plan[]; subscriptions: readonly PlanSubscription[] }) {
  return (
    <div className="matrix">
      <DataTable
        label="Plans by subscription" groups={[{ key: "", title: null, rows: subscriptions }]} rowKey={(row) => row.id}
        columns={[
          { key: "subscription", header: "Subscription", isLead: true, width: "220px", cell: (row) => <Subscription row={row} /> },
          { key: "coverage", header: "Plans", width: "130px", cell: (row) => <PlanShare counts={coverageOf(row, plans)} /> },
          ...plans.map((plan) => ({
            key: plan.name, header: plan.title, width: "132px",
            cell: (row: PlanSubscription) => <Link to={`${planPath(plan.name)}?q=${encodeURIComponent(row.id)}`} className="plain-link" aria-label={`${plan.title} in ${titleOf(row)}`}><PlanState pricing={pricingOf(row, plan.name)} /></Link>,
          })),
        ]}
      />
    </div>
  );
}

export function Subscription({ row }: { row: PlanSubscription }) {
  return (
    <div className="stack" style={{ gap: 0 }}>
      <strong className="clip" title={titleOf(row)}><bdi>{titleOf(row)}</bdi></strong>
      <span className="small muted clip"><bdi>{row.id === titleOf(row) ? row.connector : row.id}</bdi></span>
    </div>
  );
}
