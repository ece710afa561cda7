import { useState } from "react";
import { Link } from "react-router";
import { useIncidents } from "../../api/alertQueries";
import type { IncidentRow } from "../../api/alertTypes";
import { useMay } from "../../api/peopleQueries";
import { AlertStatusBadge } from "../../components/AlertBadges";
import { Allowed } from "../../components/Allowed";
import { DataTable, type Selection } from "../../components/DataTable";
import { ClearFilters, FilterSelect } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Pager } from "../../components/Pager";
import { SeverityBadge } from "../../components/SeverityBadge";
import { Time } from "../../components/Time";
import { ALERTS_READ, ALERTS_WRITE } from "../../lib/actions";
import { ALERT_SEVERITIES, incidentPath, OPEN_TITLE, STATUS_CHOICES, statusAsked } from "../../lib/alerts";
import { formatCount, plural } from "../../lib/format";
import { inOrder, intentTitle } from "../../lib/killChain";
import { partyName, resourcesOf } from "../../lib/incidents";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { useUrlState } from "../../lib/useUrlState";
import { TurnButtons } from "../alerts/TurnButtons";

const LIMIT = 50;

export default function IncidentsPage() {
  return (
    <div className="page">
      <PageHead title="Incidents" tabTitle="Incidents" lead="Alerts of one attack as one story. Those that grew last come first." />
      <Allowed action={ALERTS_READ} what="see incidents"><Incidents /></Allowed>
    </div>
  );
}

function Incidents() {
  const { values, set } = useUrlState(["severity", "status"]);
  const [trail, setTrail] = useState<Trail>(START);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const query = useIncidents({ severity: values.severity, status: statusAsked(values.status), cursor: cursorOf(trail), limit: LIMIT });
  const canWrite = useMay()(ALERTS_WRITE);
  const isFiltered = Boolean(values.severity || values.status);
  const change = (changes: Partial<typeof values>) => {
    setTrail(START);
    setChosen(new Set());
    set(changes);
  };
  const clear = () => change({ severity: "", status: "" });
  return (
    <>
      <div className="filters">
        <FilterSelect label="Severity" value={values.severity} choices={ALERT_SEVERITIES.map((value) => ({ value, label: value }))} onChange={(severity) => change({ severity })} />
        <FilterSelect label="Status" value={values.status} all={OPEN_TITLE} choices={STATUS_CHOICES} onChange={(status) => change({ status })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <Loaded query={query} rows={10}>
        {(page) => page.items.length === 0 ? (
          <div className="card">
            <EmptyNote title={isFiltered ? "No incident matches" : "There is no open incident"}>
              {isFiltered ? <ClearFilters onClear={clear} /> : <p>Alerts that share a machine, an account or an address, one further along an attack than the other, become an incident. <Link to="/alerts">See all alerts</Link></p>}
            </EmptyNote>
          </div>
        ) : (
          <section className="card flush" aria-label="Incidents found">
            {canWrite && (
              <div className="row spread action-line turn-bar">
                <span className="muted" aria-live="polite">{chosen.size > 0 ? `${plural(chosen.size, "incident")} chosen` : "Choose incidents to change their state and that of their alerts."}</span>
                {chosen.size > 0 && <TurnButtons what="incidents" ids={[...chosen]} onDone={() => setChosen(new Set())} />}
              </div>
            )}
            <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
              <IncidentTable rows={page.items} selection={canWrite ? { keys: chosen, onChange: setChosen } : undefined} />
              <Pager trail={trail} limit={LIMIT} count={page.items.length} next={page.next} noun="incident" isBusy={query.isPlaceholderData} onMove={setTrail} />
            </div>
          </section>
        )}
      </Loaded>
    </>
  );
}

function IncidentTable({ rows, selection }: { rows: readonly IncidentRow[]; selection?: Selection<IncidentRow> }) {
  return (
    <DataTable
      label="Incidents" groups={[{ key: "", title: null, rows }]} rowKey={(row) => row.id} rowName={(row) => row.title} selection={selection}
      columns={[
        { key: "severity", header: "Severity", width: "104px", isInline: true, cell: (row) => <SeverityBadge severity={row.severity} /> },
        { key: "title", header: "Incident", isLead: true, cell: (row) => <Link className="cell-title" to={incidentPath(row.id)}><bdi>{row.title}</bdi></Link> },
        { key: "status", header: "Status", width: "104px", isInline: true, cell: (row) => <AlertStatusBadge status={row.status} /> },
        { key: "alerts", header: "Alerts", width: "76px", isEnd: true, cell: (row) => <Alerts row={row} /> },
        { key: "resources", header: "What they share", width: "160px", cell: (row) => <Shared row={row} /> },
        { key: "tactics", header: "Tactics", width: "140px", cell: (row) => <Tactics intents={row.intents} /> },
        { key: "activity", header: "Activity", width: "140px", cell: (row) => <><div><Time at={row.end} /></div><div className="small muted">since <Time at={row.start} /></div></> },
      ]}
    />
  );
}

function Alerts({ row }: { row: IncidentRow }) {
  return <><span className="number">{formatCount(row.nAlerts)}</span>{row.nHidden > 0 && <div className="small muted">{formatCount(row.nHidden)} hidden</div>}</>;
}

/** So many of a list are told in a cell. */
const FEW = 3;

function Shared({ row }: { row: IncidentRow }) {
  const { first, nOthers } = resourcesOf(row.shared, FEW);
  if (first.length === 0) return <span className="muted">Not told</span>;
  return <>{first.map((one) => <div className="clip" key={`${one.type} ${one.id}`} title={one.id}><bdi>{partyName(one)}</bdi></div>)}{nOthers > 0 && <div className="small muted">and {formatCount(nOthers)} more</div>}</>;
}

function Tactics({ intents }: { intents: readonly string[] }) {
  const all = inOrder(intents).map(intentTitle);
  return <span title={all.join(", ")}>{all.slice(0, FEW).join(", ")}{all.length > FEW && <span className="small muted"> and {formatCount(all.length - FEW)} more</span>}</span>;
}
