import { Tab, TabList } from "@fluentui/react-components";
import { useState } from "react";
import { useMay } from "../../api/peopleQueries";
import { useAssessments } from "../../api/queries";
import type { RecommendationDetail } from "../../api/types";
import { SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { Pager } from "../../components/Pager";
import { EXEMPTIONS_WRITE } from "../../lib/actions";
import { formatCount, words } from "../../lib/format";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { STATUSES } from "../../lib/recommendations";
import { useUrlState } from "../../lib/useUrlState";
import { AssessmentTable } from "./AssessmentTable";
import { ChosenBar } from "./ChosenBar";

const LIMIT = 50;

/** The resources of a recommendation by verdict, page by page. */
export function AffectedResources({ detail }: { detail: RecommendationDetail }) {
  const { values, set } = useUrlState(["status", "q"]);
  const [trail, setTrail] = useState<Trail>(START);
  const query = useAssessments({ recommendation: detail.recommendation.id, status: values.status, q: values.q, cursor: cursorOf(trail), limit: LIMIT });
  const canExempt = useMay()(EXEMPTIONS_WRITE) && !detail.custom;
  const { counts } = detail;
  const all = STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const matching = query.data?.counts;
  const total = matching && STATUSES.reduce((sum, status) => sum + (matching[status] ?? 0), 0);
  const change = (changes: { status?: string; q?: string }) => {
    setTrail(START);
    // What is chosen must be in sight, or more would be exempted than one sees.
    setChosen(new Set());
    set(changes);
  };
  return (
    <section className="card flush" aria-label="Resources">
      <div className="card-head"><h2>Resources</h2></div>
      <div className="tabs-scroll">
        <TabList size="small" selectedValue={values.status || "all"} onTabSelect={(_, data) => change({ status: data.value === "all" ? "" : String(data.value) })}>
          <Tab value="all">All ({formatCount(all)})</Tab>
          {STATUSES.map((status) => (
            <Tab key={status} value={status} disabled={!counts[status]}>{words(status)} ({formatCount(counts[status] ?? 0)})</Tab>
          ))}
        </TabList>
      </div>
      <div className="filters inset">
        <SearchBox label="Search resources" value={values.q} placeholder="Name or id" onChange={(q) => change({ q })} />
      </div>
      <Loaded query={query}>
        {(page) => page.items.length === 0 ? (
          <EmptyNote title={values.q || values.status ? "No resource matches" : "No resource is assessed"}>
            {!values.q && !values.status && <p>{detail.custom ? "A client writes its assessments through the API, each on one resource." : "It concerns no resource of the environments that are connected."}</p>}
            {(values.q || values.status) && <button type="button" className="link-button" onClick={() => change({ status: "", q: "" })}>Clear filters</button>}
          </EmptyNote>
        ) : (
          <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
            {canExempt && (
              <ChosenBar
                detail={detail} chosen={chosen} counts={page.counts} status={values.status} q={values.q} isBusy={query.isPlaceholderData}
                onDone={() => setChosen(new Set())}
              />
            )}
            <AssessmentTable
              assessments={page.items} title={detail.recommendation.title}
              selection={canExempt ? { keys: chosen, onChange: setChosen, canSelect: (row) => row.status !== "NotApplicable" } : undefined}
            />
            <Pager
              trail={trail} limit={LIMIT} count={page.items.length} total={total} next={page.next} noun="resource"
              isBusy={query.isPlaceholderData} onMove={setTrail}
            />
          </div>
        )}
      </Loaded>
    </section>
  );
}
