import { Button } from "@fluentui/react-components";
import { ShieldDismiss20Regular } from "@fluentui/react-icons";
import { useParams } from "react-router";
import { useMayEverywhere } from "../../api/peopleQueries";
import { useRecommendation, useRecommendations } from "../../api/queries";
import type { RecommendationDetail } from "../../api/types";
import { CustomTag } from "../../components/CustomTag";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { SampleBadge } from "../../components/SampleBadge";
import { SeverityBadge } from "../../components/SeverityBadge";
import { StatusBadge } from "../../components/StatusBadge";
import { EXEMPTIONS_WRITE } from "../../lib/actions";
import { worstStatus } from "../../lib/recommendations";
import { ExemptDialog } from "../exemptions/ExemptDialog";
import { AffectedResources } from "./AffectedResources";
import { RecommendationFacts } from "./RecommendationFacts";
import { RemediationCard } from "./RemediationCard";

const CRUMB = { to: "/recommendations", text: "Recommendations" };

export default function RecommendationPage() {
  const { id = "" } = useParams();
  const query = useRecommendation(id);
  return (
    <div className="page" key={id}>
      {query.data ? <Detail detail={query.data} /> : (
        <>
          <PageHead title="Recommendation" tabTitle="Recommendation" crumb={CRUMB} />
          <Loaded query={query} rows={10}>{() => null}</Loaded>
        </>
      )}
    </div>
  );
}

function Detail({ detail }: { detail: RecommendationDetail }) {
  const { recommendation, counts } = detail;
  const mayEverywhere = useMayEverywhere();
  const rows = useRecommendations().data;
  const isSample = rows?.find((row) => row.id === recommendation.id)?.sample ?? false;
  const status = worstStatus({ healthy: counts.Healthy ?? 0, unhealthy: counts.Unhealthy ?? 0, unknown: counts.Unknown ?? 0 });
  return (
    <>
      <PageHead
        title={recommendation.title} tabTitle={recommendation.title} crumb={CRUMB}
        lead={
          <span className="row" style={{ gap: 16, marginTop: 4 }}>
            <StatusBadge status={status} />
            <SeverityBadge severity={recommendation.severity} />
            {recommendation.maturity === "preview" && <span className="tag">Preview: not counted in the score</span>}
            {detail.custom && <CustomTag />}
            {isSample && <SampleBadge />}
          </span>
        }
        // What a client judges is set aside by that client.
        actions={!detail.custom && mayEverywhere(EXEMPTIONS_WRITE) && (
          <ExemptDialog
            subject={{ recommendation: recommendation.id, title: recommendation.title }}
            trigger={<Button icon={<ShieldDismiss20Regular />}>Exempt everywhere</Button>}
          />
        )}
      />
      <div className="split">
        <section className="card stack wide" aria-label="Why it matters">
          <div className="stack">
            <h2>Why it matters</h2>
            {recommendation.description
              ? <p className="pre-wrap"><bdi>{recommendation.description}</bdi></p>
              : <p className="muted">Whoever described it gave no reason. It can be added as <code>description</code> to its metadata.</p>}
          </div>
          <RemediationCard remediation={recommendation.remediation} />
        </section>
        <RecommendationFacts detail={detail} />
      </div>
      <AffectedResources detail={detail} />
    </>
  );
}
