import { useOverview } from "../../api/queries";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { RecentChanges } from "../changes/RecentChanges";
import { AlertsCard } from "./AlertsCard";
import { ChecksCard } from "./ChecksCard";
import { ControlsTable } from "./ControlsTable";
import { SampleBanner } from "./SampleBanner";
import { ScoreCard } from "./ScoreCard";
import { SubscriptionsCard } from "./SubscriptionsCard";
import { TrendCard } from "./TrendCard";
import { UnreadCard } from "./UnreadCard";

export default function OverviewPage() {
  const query = useOverview();
  return (
    <div className="page">
      <PageHead title="Overview" tabTitle="Overview" lead="How secure your environments are, and how much of them could be checked." />
      <Loaded query={query} rows={10}>
        {(overview) => (
          <>
            <SampleBanner connectors={overview.connectors} />
            <div className="overview-top">
              <ScoreCard overview={overview} />
              <div className="stack wide">
                <ChecksCard overview={overview} />
                <TrendCard points={overview.trend} />
              </div>
            </div>
            <AlertsCard />
            <ControlsTable score={overview.secureScore} />
            <div className="columns">
              <SubscriptionsCard overview={overview} />
              <UnreadCard coverage={overview.coverage} />
            </div>
            <RecentChanges />
          </>
        )}
      </Loaded>
    </div>
  );
}
