import { useState } from "react";
import { Link } from "react-router";
import { usePolicyHistory } from "../../api/policyQueries";
import type { PolicyEvent } from "../../api/policyTypes";
import { DataTable, type Column } from "../../components/DataTable";
import { resourcePath } from "../../components/links";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PolicyStateBadge } from "../../components/PolicyStateBadge";
import { Time } from "../../components/Time";
import { plural, shorten } from "../../lib/format";

/** Events that are laid out before a person asks for the rest. */
const FIRST = 50;

/** Which resource got which state when, the newest first. */
export function PolicyHistory({ filter, reference }: { filter: { assignment?: string; resource?: string }; reference?: string }) {
  const query = usePolicyHistory(filter);
  const [limit, setLimit] = useState(FIRST);
  const isOfResource = filter.resource !== undefined;
  return (
    <Loaded query={query} rows={4}>
      {(all) => {
        const events = reference === undefined ? all : all.filter((event) => event.reference === reference);
        if (events.length === 0) return <EmptyNote title="Nothing has changed yet" />;
        const at: Column<PolicyEvent> = { key: "at", header: "When", width: "180px", isLead: isOfResource, cell: (event) => <Time at={event.at} /> };
        const resource: Column<PolicyEvent> = { key: "resource", header: "Resource", isLead: true, cell: (event) => <Link to={resourcePath(event.resource)}><bdi>{shorten(event.resource, 400)}</bdi></Link> };
        return (
          <>
            <DataTable
              label="History" groups={[{ key: "", title: null, rows: events.slice(0, limit) }]} rowKey={(event) => `${event.at} ${event.resource} ${event.assignment} ${event.reference} ${event.to}`}
              columns={[
                ...(isOfResource ? [at] : [resource, at]),
                ...(reference === undefined ? [{ key: "reference", header: "Definition", width: "180px", cell: (event: PolicyEvent) => <code>{event.reference || "its one"}</code> }] : []),
                { key: "from", header: "Was", width: "170px", cell: (event) => (event.from ? <PolicyStateBadge state={event.from} /> : <span className="muted">Not judged</span>) },
                { key: "to", header: "Became", width: "170px", cell: (event) => (event.to ? <PolicyStateBadge state={event.to} /> : <span className="muted">No longer judged</span>) },
              ]}
            />
            {events.length > limit && <p className="inset-line"><button type="button" className="link-button" onClick={() => setLimit(limit * 5)}>Show more of {plural(events.length, "change")}</button></p>}
          </>
        );
      }}
    </Loaded>
  );
}
