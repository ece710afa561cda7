import { Button } from "@fluentui/react-components";
import { Add20Regular } from "@fluentui/react-icons";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import { useMayEverywhere } from "../../api/peopleQueries";
import { useConnectorRows } from "../../api/queries";
import type { ConnectorRow } from "../../api/connectorTypes";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { CONNECTORS_WRITE } from "../../lib/actions";
import { groupConnectors, healthOf, isNeverRead } from "../../lib/connectors";
import { plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { ConnectorTable } from "./ConnectorTable";
import { MissingPermissions } from "./MissingPermissions";

export default function ConnectorsPage() {
  const query = useConnectorRows();
  const navigate = useNavigate();
  const canConnect = useMayEverywhere()(CONNECTORS_WRITE);
  return (
    <div className="page">
      <PageHead
        title="Connectors" tabTitle="Connectors"
        lead="The environments that Skywarden reads: how each reading went, how old the data is, and which permissions are missing."
        actions={canConnect && <Button appearance="primary" icon={<Add20Regular />} onClick={() => navigate("/connectors/new")}>Connect Azure</Button>}
      />
      <Loaded query={query}>{(rows) => <Connectors rows={rows} />}</Loaded>
    </div>
  );
}

function Connectors({ rows }: { rows: readonly ConnectorRow[] }) {
  const { values, set } = useUrlState(["q"]);
  const part = values.q.trim().toLowerCase();
  const shown = useMemo(() => {
    const isNamed = (row: ConnectorRow) => [row.id, row.displayName, ...row.accounts.map((one) => one.account)].some((text) => text.toLowerCase().includes(part));
    // An organisation stays above the accounts of it that are found; one that is found keeps all of its accounts.
    return groupConnectors(rows).flatMap((group) => {
      if (isNamed(group.row)) return [group];
      const members = group.members.filter(isNamed);
      return members.length > 0 ? [{ ...group, members }] : [];
    });
  }, [rows, part]);
  const unread = rows.filter((row) => isNeverRead(row) && !row.attempt?.error).length;
  const broken = rows.filter((row) => healthOf(row).tone === "Unhealthy").length;
  if (rows.length === 0) {
    return <div className="card"><EmptyNote title="Nothing is connected"><p>Connect an environment with <code>skywarden connect</code>.</p></EmptyNote></div>;
  }
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Name or account" onChange={(q) => set({ q })} />
        {part && <ClearFilters onClear={() => set({ q: "" })} />}
      </div>
      <p className="muted" aria-live="polite">{plural(rows.length, "connector")}{broken > 0 && `, ${broken} of them cannot be read`}{unread > 0 && `, ${unread} ${unread === 1 ? "was" : "were"} never read`}</p>
      <div className="card flush">
        {shown.length > 0 ? <ConnectorTable groups={shown} /> : <EmptyNote title="No connector matches"><ClearFilters onClear={() => set({ q: "" })} /></EmptyNote>}
      </div>
      <MissingPermissions connectors={rows} />
    </>
  );
}
