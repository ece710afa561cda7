import { Button } from "@fluentui/react-components";
import { CheckmarkCircle16Filled, Circle16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { usePlans } from "../../api/planQueries";
import { useMay, useSession } from "../../api/peopleQueries";
import type { Plan, PlanSubscription, Pricing } from "../../api/planTypes";
import { DataTable } from "../../components/DataTable";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { OpenDialog } from "../../components/FormDialog";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { ShowMore } from "../../components/ShowMore";
import { Day } from "../../components/Time";
import { PLANS_WRITE } from "../../lib/actions";
import { builtText, filterSubscriptions, isOn, pricingOf, titleOf, trialText } from "../../lib/plans";
import { useUrlState } from "../../lib/useUrlState";
import { PlanDialog } from "./PlanDialog";
import { Subscription } from "./PlanMatrix";
import { PlanState } from "./PlanState";

/** Subscriptions laid out before a person asks for more. */
const STEP = 50;

const CRUMB = { to: "/plans", text: "Plans" };

/** What a plan brings, and its state in each subscription. */
export default function PlanPage() {
  const { name = "" } = useParams();
  const query = usePlans();
  const plan = query.data?.plans.find((own) => own.name.toLowerCase() === name.toLowerCase());
  return (
    <div className="page">
      <PageHead title={plan?.title ?? "Plan"} tabTitle={plan?.title ?? "Plan"} crumb={CRUMB} lead={plan?.description} />
      <Loaded query={query} rows={10}>
        {({ subscriptions }) => plan ? <><Brings plan={plan} /><Subscriptions plan={plan} all={subscriptions} /></> : (
          <div className="card"><EmptyNote title="There is no such plan"><p><Link to={CRUMB.to}>See all plans</Link></p></EmptyNote></div>
        )}
      </Loaded>
    </div>
  );
}

function Brings({ plan }: { plan: Plan }) {
  return (
    <div className="columns">
      <section className="card stack wide" aria-label="What it brings">
        <div className="row spread"><h2>What it brings</h2><span className="small muted">{builtText(plan)}</span></div>
        <ul className="plain stack" style={{ gap: 4 }}>
          {plan.brings.map((one) => (
            <li key={one.title} className="row" style={{ flexWrap: "nowrap", alignItems: "flex-start" }}>
              <span className={one.built ? "tone-Healthy" : "muted"} style={{ marginTop: 2 }}>{one.built ? <CheckmarkCircle16Filled aria-hidden /> : <Circle16Regular aria-hidden />}</span>
              <span className={one.built ? undefined : "muted"}>{one.title}{one.built ? <span className="visually-hidden">: built</span> : <> <span className="tag">Not built yet</span></>}</span>
            </li>
          ))}
        </ul>
      </section>
      {(plan.subPlans.length > 0 || plan.extensions.length > 0) && (
        <section className="card stack wide" aria-label="Parts">
          <h2>Parts</h2>
          <dl className="facts">
            {plan.subPlans.length > 0 && <><dt>Sub-plans</dt><dd>{plan.subPlans.join(", ")}</dd></>}
            {plan.extensions.length > 0 && <><dt>Extensions</dt><dd><ul className="plain">{plan.extensions.map((one) => <li key={one.name}>{one.title} <code className="muted">{one.name}</code></li>)}</ul></dd></>}
          </dl>
        </section>
      )}
    </div>
  );
}

interface Row {
  subscription: PlanSubscription;
  pricing: Pricing | undefined;
}

function Subscriptions({ plan, all }: { plan: Plan; all: readonly PlanSubscription[] }) {
  const { values, set } = useUrlState(["q"]);
  const may = useMay();
  const session = useSession();
  const canWrite = may(PLANS_WRITE);
  const [limit, setLimit] = useState(STEP);
  const rows = filterSubscriptions(all, values.q).map((subscription): Row => ({ subscription, pricing: pricingOf(subscription, plan.name) }));
  return (
    <>
      {session.data && !canWrite && <LacksNote action={PLANS_WRITE} what="switch plans on or off" />}
      <section className="card flush" aria-label="Subscriptions">
        <div className="card-head"><h2>Subscriptions</h2></div>
        {(all.length > 5 || values.q) && (
          <div className="filters inset">
            <SearchBox label="Search subscriptions" value={values.q} placeholder="Name, id or connector" onChange={(q) => set({ q })} />
            {values.q && <ClearFilters onClear={() => set({ q: "" })} />}
          </div>
        )}
        {rows.length === 0 ? <EmptyNote title={values.q ? "No subscription matches" : "There is no subscription yet"}>{!values.q && <p>Connect an environment with <code>skywarden connect</code>.</p>}</EmptyNote> : (
          <DataTable
            label="Subscriptions" groups={[{ key: "", title: null, rows: rows.slice(0, limit) }]} rowKey={({ subscription }) => subscription.id}
            columns={[
              { key: "subscription", header: "Subscription", isLead: true, cell: ({ subscription }) => <Subscription row={subscription} /> },
              { key: "state", header: "State", width: "190px", cell: ({ pricing }) => <PlanState pricing={pricing} /> },
              { key: "extensions", header: "Extensions", width: "240px", cell: ({ pricing }) => <Extensions plan={plan} pricing={pricing} /> },
              { key: "since", header: "On since", width: "130px", cell: ({ pricing }) => isOn(pricing) && (pricing?.enablementTime ? <Day at={pricing.enablementTime} /> : <span className="muted">The beginning</span>) },
              { key: "trial", header: "Trial", width: "120px", cell: ({ pricing }) => isOn(pricing) && trialText(pricing?.freeTrialRemainingTime) },
              ...(canWrite ? [{ key: "change", header: "Action", width: "110px", cell: (row: Row) => <Change plan={plan} row={row} /> }] : []),
            ]}
          />
        )}
        <ShowMore left={rows.length - limit} onMore={() => setLimit(limit + STEP)} />
        <p className="small muted" style={{ padding: "8px 16px 12px" }}>The trial only counts down, as in Azure: nothing is billed here, and nothing is switched off when it is over.</p>
      </section>
    </>
  );
}

function Change({ plan, row }: { plan: Plan; row: Row }) {
  return (
    <OpenDialog trigger={<Button size="small" aria-label={`Change ${plan.title} in ${titleOf(row.subscription)}`}>Change</Button>}>
      {(close) => <PlanDialog plan={plan} subscription={row.subscription} pricing={row.pricing} onDone={close} />}
    </OpenDialog>
  );
}

function Extensions({ plan, pricing }: { plan: Plan; pricing: Pricing | undefined }) {
  const on = (pricing?.extensions ?? []).filter((one) => one.isEnabled);
  if (!isOn(pricing) || plan.extensions.length === 0) return null;
  if (on.length === 0) return <span className="muted">None is on</span>;
  return <ul className="plain small">{on.map(({ name }) => <li key={name}>{plan.extensions.find((own) => own.name === name)?.title ?? name}</li>)}</ul>;
}
