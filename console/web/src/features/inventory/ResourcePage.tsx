import { useSearchParams } from "react-router";
import { useResource } from "../../api/queries";
import type { ResourceDetail } from "../../api/types";
import { CopyId } from "../../components/CopyBlock";
import { JsonTree } from "../../components/JsonTree";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { SampleBadge } from "../../components/SampleBadge";
import { unreadableTree } from "../../lib/fieldPaths";
import { plural, shorten } from "../../lib/format";
import { ResourceAssessments } from "./ResourceAssessments";
import { ResourceEnvelope } from "./ResourceEnvelope";
import { ResourcePolicies } from "./ResourcePolicies";
import { useConnectors } from "./useConnectors";

const CRUMB = { to: "/inventory", text: "Inventory" };

export default function ResourcePage() {
  const [parameters] = useSearchParams();
  const id = parameters.get("id") ?? "";
  const query = useResource(id);
  return (
    <div className="page" key={id}>
      {query.data ? <Detail detail={query.data} /> : (
        <>
          <PageHead title="Resource" tabTitle="Resource" crumb={CRUMB} />
          <Loaded query={query} rows={10}>{() => null}</Loaded>
        </>
      )}
    </div>
  );
}

function Detail({ detail }: { detail: ResourceDetail }) {
  const { resource, facts, assessments } = detail;
  const isSample = useConnectors().get(resource.scope.connector)?.sample ?? false;
  const unread = resource.unreadable ?? [];
  const tree = unreadableTree(unread);
  const name = shorten(resource.name || resource.id, 120);
  return (
    <>
      <PageHead
        title={<bdi>{name}</bdi>} tabTitle={name} crumb={CRUMB}
        lead={
          <span className="stack" style={{ gap: 4 }}>
            <span className="row">{resource.type}{isSample && <SampleBadge />}</span>
            <span className="row" style={{ flexWrap: "nowrap" }}><code className="clip" title={shorten(resource.id, 1000)}><bdi>{resource.id}</bdi></code><CopyId id={resource.id} /></span>
          </span>
        }
      />
      <div className="split">
        <ResourceAssessments assessments={assessments} />
        <ResourceEnvelope resource={resource} />
      </div>
      <ResourcePolicies resource={resource.id} />
      {facts && Object.keys(facts).length > 0 && (
        <section className="card" aria-label="Facts">
          <div className="card-head"><h2>Facts</h2><span className="small muted">Computed by Skywarden from this resource and its neighbours</span></div>
          <JsonTree value={facts} openDepth={2} />
        </section>
      )}
      <section className="card" aria-label="Properties">
        <div className="card-head">
          <h2>Properties</h2>
          <span className="small muted">
            As the provider gave them{unread.length > 0 && <>; <span className="tone-Unknown">{plural(unread.length, "field")} could not be read</span></>}
          </span>
        </div>
        <JsonTree value={resource.properties} unread={tree.children.get("properties")} />
      </section>
    </>
  );
}
