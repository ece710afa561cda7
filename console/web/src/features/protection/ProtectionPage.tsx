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
  const may = useMay();
  const session = useSession();
  const canSee = may(ALERTS_READ) || may(PLANS_READ);
  return (
    <div className="page">
      <PageHead title="Workload protection" tabTitle="Workload protection" lead="What is protected while it runs, what attacks were seen, and what nothing looks at yet." />
      {session.data && !canSee && <LacksPage action={ALERTS_READ} what="see workload protection" />}
      {canSee && (
        <>
          <div className="protection-top">
            {may(PLANS_READ) ? <Coverage /> : <div className="card"><LacksNote action={PLANS_READ} what="see which plans are on" /></div>}
            {may(ALERTS_READ) ? <OpenAlertsCard /> : <div className="card"><LacksNote action={ALERTS_READ} what="see alerts" /></div>}
          </div>
          {may(ALERTS_READ) && <div className="columns"><NewestCard /><AttackedCard /><PlanAlertsCard /></div>}
          {may(LOG_INPUTS_READ) && <LogsCard />}
          {may(PLANS_READ) && <Tiles />}
        </>
      )}
    </div>
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
