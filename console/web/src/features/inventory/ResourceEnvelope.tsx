import { Link } from "react-router";
import type { Resource } from "../../api/types";
import { JsonTree, LongText } from "../../components/JsonTree";
import { environmentName, plural } from "../../lib/format";
import { useAccountNames, useConnectors } from "./useConnectors";

/** What tells a resource apart, and its tags. */
export function ResourceEnvelope({ resource }: { resource: Resource }) {
  const connector = useConnectors().get(resource.scope.connector);
  const tags = Object.entries(resource.tags ?? {});
  const envelope = resource.envelope ?? {};
  const accountName = useAccountNames().get(resource.scope.account);
  return (
    <div className="stack wide">
      <section className="card" aria-label="About this resource">
        <dl className="facts">
          <dt>Connector</dt>
          <dd><Link to={`/inventory?connector=${encodeURIComponent(resource.scope.connector)}`}>{connector?.displayName ?? resource.scope.connector}</Link>{connector && `, ${environmentName(connector.environment)}`}</dd>
          <dt>Account</dt>
          <dd className="breakable">{accountName && <><bdi>{accountName}</bdi>, </>}{resource.scope.account}</dd>
          {resource.location && <><dt>Location</dt><dd>{resource.location}</dd></>}
          <dt>Resource group</dt>
          <dd>{resource.scope.resourceGroup}</dd>
        </dl>
        {Object.keys(envelope).length > 0 && <JsonTree value={envelope} />}
      </section>
      <section className="card stack" aria-label="Tags">
        <h2>Tags</h2>
        {tags.length === 0 ? <p className="muted">This resource has no tags.</p> : (
          <>
            <dl className="facts">
              {tags.slice(0, 50).map(([key, value]) => (
                <div key={key} style={{ display: "contents" }}>
                  <dt style={{ maxWidth: 160 }}><LongText text={key} limit={60} /></dt>
                  <dd><bdi><LongText text={value} limit={120} /></bdi></dd>
                </div>
              ))}
            </dl>
            {tags.length > 50 && <p className="muted">and {plural(tags.length - 50, "more tag")}</p>}
          </>
        )}
      </section>
    </div>
  );
}
