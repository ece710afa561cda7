import { Button } from "@fluentui/react-components";
import { AlertOff16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { useNavigate } from "react-router";
import { MAX_ROWS, useAlertCounts, useAlerts, type AlertsFilter } from "../../api/alertQueries";
import { useMay } from "../../api/peopleQueries";
import { Allowed } from "../../components/Allowed";
import { ClearFilters } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Pager } from "../../components/Pager";
import { ALERTS_READ, ALERTS_SIMULATE, ALERTS_WRITE, SUPPRESSION_READ } from "../../lib/actions";
import { daysAsked, groupAlerts, statusAsked, type AlertGrouping } from "../../lib/alerts";
import { formatCount, plural } from "../../lib/format";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { useUrlState } from "../../lib/useUrlState";
import { AlertFilters, FILTER_NAMES, type FilterValues } from "./AlertFilters";
import { AlertGroups } from "./AlertGroups";
import { AlertTable } from "./AlertTable";
import { AlertsChart } from "./AlertsChart";
import { NoAlerts } from "./NoAlerts";
import { SimulateDialog } from "./SimulateDialog";
import { TurnBar } from "./TurnBar";

const LIMIT = 50;

export default function AlertsPage() {
  const may = useMay();
  const navigate = useNavigate();
  return (
    <div className="page">
      <PageHead
        title="Alerts" tabTitle="Alerts" lead="What detections found in logs, the newest first. An alert joins the events of one detection and one actor."
        actions={(
          <>
            {may(SUPPRESSION_READ) && <Button icon={<AlertOff16Regular />} onClick={() => void navigate("/alerts/suppression")}>Suppression rules</Button>}
            {may(ALERTS_SIMULATE) && <SimulateDialog />}
          </>
        )}
      />
      <Allowed action={ALERTS_READ} what="see alerts"><Alerts /></Allowed>
    </div>
  );
}

function Alerts() {
  const { values, set } = useUrlState([...FILTER_NAMES, "group"]);
  const [trail, setTrail] = useState<Trail>(START);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = filterOf(values);
  const grouping = values.group === "detection" || values.group === "resource" ? values.group : undefined;
  const counts = useAlertCounts(filter);
  const isFiltered = FILTER_NAMES.some((name) => values[name]);
  const change = (changes: Partial<FilterValues>) => {
    setTrail(START);
    // What is chosen must be in sight, or more would be turned than one sees.
    setChosen(new Set());
    set(changes);
  };
  const clear = () => change(Object.fromEntries(FILTER_NAMES.map((name) => [name, ""])));
  return (
    <>
      <AlertFilters values={values} onChange={change} onClear={isFiltered ? clear : undefined} plans={Object.keys(counts.data?.plan ?? {})} />
      <Loaded query={counts} rows={5}>
        {(data) => data.total === 0 ? (
          <div className="card">
            {isFiltered ? <EmptyNote title="No alert matches"><ClearFilters onClear={clear} /></EmptyNote> : <NoAlerts />}
          </div>
        ) : (
          <>
            <AlertsChart counts={data} days={Number(filter.days)} severity={values.severity} onSeverity={(severity) => change({ severity })} />
            {grouping
              ? <Grouped key={grouping} filter={filter} by={grouping} total={data.total} chosen={chosen} onChoose={setChosen} />
              : <Listed filter={filter} total={data.total} trail={trail} onMove={setTrail} chosen={chosen} onChoose={setChosen} />}
          </>
        )}
      </Loaded>
    </>
  );
}

const filterOf = (values: FilterValues): AlertsFilter => ({ q: values.q, severity: values.severity, plan: values.plan, detection: values.detection, resource: values.resource, status: statusAsked(values.status), days: daysAsked(values.days) });

interface Choosing {
  filter: AlertsFilter;
  total: number;
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

function Listed({ filter, total, trail, onMove, chosen, onChoose }: Choosing & { trail: Trail; onMove: (trail: Trail) => void }) {
  const query = useAlerts({ ...filter, cursor: cursorOf(trail), limit: LIMIT });
  const canWrite = useMay()(ALERTS_WRITE);
  return (
    <section className="card flush" aria-label="Alerts found">
      {canWrite && <TurnBar chosen={chosen} onDone={() => onChoose(new Set())} />}
      <Loaded query={query} rows={10}>
        {(page) => (
          <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
            <AlertTable rows={page.items} selection={canWrite ? { keys: chosen, onChange: onChoose } : undefined} />
            <Pager trail={trail} limit={LIMIT} count={page.items.length} total={total} next={page.next} noun="alert" isBusy={query.isPlaceholderData} onMove={onMove} />
          </div>
        )}
      </Loaded>
    </section>
  );
}

/** Groups are made of as many alerts as the server gives at once. */
function Grouped({ filter, by, total, chosen, onChoose }: Choosing & { by: AlertGrouping }) {
  const query = useAlerts({ ...filter, limit: MAX_ROWS });
  const canWrite = useMay()(ALERTS_WRITE);
  return (
    <section className="card flush" aria-label="Alerts found">
      {canWrite && <TurnBar chosen={chosen} onDone={() => onChoose(new Set())} />}
      <Loaded query={query} rows={10}>
        {(page) => {
          const groups = groupAlerts(page.items, by);
          return (
            <>
              <AlertGroups groups={groups} by={by} selection={canWrite ? { keys: chosen, onChange: onChoose } : undefined} />
              <p className="pager muted">{plural(groups.length, "group")} of {page.next ? `the newest ${formatCount(page.items.length)} of ${plural(total, "alert")}` : plural(page.items.length, "alert")}</p>
            </>
          );
        }}
      </Loaded>
    </section>
  );
}
