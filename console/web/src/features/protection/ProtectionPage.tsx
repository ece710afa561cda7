import { usePlans } from "../../api/planQueries";
import { useMay, useSession } from "../../api/peopleQueries";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote, LacksPage } from "../../components/Problem";
import { ALERTS_READ, LOG_INPUTS_READ, PLANS_READ } from "../../lib/actions";
import { AttackedCard } from "./AttackedCard";
import { CoverageCard } from "./CoverageCard";
import { LogsCard } from "./LogsCard";
import { NewestCard } from "./NewestCard";
import { OpenAlertsCard } from "./OpenAlertsCard";
import { PlanAlertsCard } from "./PlanAlertsCard";
import { ProtectionTiles } from "./ProtectionTiles";

/** What is watched, what was found, and what is not watched yet. */
export default function ProtectionPage() {
  const session = useSession();
  return (
    <div className="page">
      <PageHead title="Workload protection" tabTitle="Workload protection" lead="What is protected while it runs, what attacks were seen, and what nothing looks at yet." />
      <Loaded query={session} rows={10}>{() => <Parts />}</Loaded>
    </div>
  );
}

/** Each part stands where the session may see it; where it may not, the page says so. */
function Parts() {
  const may = useMay();
  const [seesAlerts, seesPlans] = [may(ALERTS_READ), may(PLANS_READ)];
  if (!seesAlerts && !seesPlans) return <LacksPage action={ALERTS_READ} what="see workload protection" />;
  return (
    <>
      <div className="protection-top">
        {seesPlans ? <Coverage /> : <div className="card"><LacksNote action={PLANS_READ} what="see which plans are on" /></div>}
        {seesAlerts ? <OpenAlertsCard /> : <div className="card"><LacksNote action={ALERTS_READ} what="see alerts" /></div>}
      </div>
      {seesAlerts && <div className="columns"><NewestCard /><AttackedCard /><PlanAlertsCard /></div>}
      {may(LOG_INPUTS_READ) && <LogsCard />}
      {seesPlans && <Tiles />}
    </>
  );
}

function Coverage() {
  const query = usePlans();
  return <Loaded query={query} rows={4}>{(answer) => <CoverageCard answer={answer} />}</Loaded>;
}

function Tiles() {
  const query = usePlans();
  // The failure is told above already.
  return query.data ? <ProtectionTiles answer={query.data} /> : null;
}
