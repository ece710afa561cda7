import type { ResourceRow } from "../../api/types";
import { AccountName } from "../../components/AccountName";
import { DataTable } from "../../components/DataTable";
import { ResourceLink } from "../../components/links";
import { StatusBadge, StatusCount } from "../../components/StatusBadge";
import { PartedText } from "../../components/PartedText";
import { formatCount } from "../../lib/format";
import { worstStatus } from "../../lib/recommendations";
import { useConnectors } from "./useConnectors";

export function ResourceTable({ resources }: { resources: readonly ResourceRow[] }) {
  const connectors = useConnectors();
  return (
    <DataTable
      label="Resources" groups={[{ key: "", title: null, rows: resources }]} rowKey={(row) => row.id}
      columns={[
        {
          key: "name", header: "Resource", isLead: true,
          cell: (row) => (
            <div className="resource-cell">
              <ResourceLink id={row.id} name={row.name} isSample={connectors.get(row.connector)?.sample} />
              {row.stale && <span className="tag" title="The last run could not list this resource; what was known of it is kept">Not seen in the last run</span>}
            </div>
          ),
        },
        { key: "type", header: "Type", width: "212px", cell: (row) => <PartedText text={row.type} /> },
        {
          key: "place", header: "Account and location", width: "170px",
          cell: (row) => <><div className="clip"><AccountName id={row.account} /></div><div className="small muted">{row.location}</div></>,
        },
        { key: "status", header: "Status", width: "150px", cell: (row) => <StatusBadge status={worstStatus(row)} /> },
        {
          key: "checks", header: "Checks", width: "150px",
          cell: (row) => (
            <span className="row" style={{ gap: 10, flexWrap: "nowrap" }}>
              <StatusCount status="Unhealthy" count={row.unhealthy} text={formatCount(row.unhealthy)} />
              <StatusCount status="Unknown" count={row.unknown} text={formatCount(row.unknown)} />
              <StatusCount status="Healthy" count={row.healthy} text={formatCount(row.healthy)} />
            </span>
          ),
        },
      ]}
    />
  );
}
