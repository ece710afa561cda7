import { useMemo } from "react";
import { useRecommendations } from "../../api/queries";
import type { RecommendationRow } from "../../api/types";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { ClearFilters } from "../../components/Filters";
import { PageHead } from "../../components/PageHead";
import { plural } from "../../lib/format";
import {
  filterRecommendations, groupRecommendations, sortRecommendations, type Grouping, type SortKey,
} from "../../lib/recommendations";
import { useUrlState } from "../../lib/useUrlState";
import { RecommendationFilters, FILTER_NAMES } from "./RecommendationFilters";
import { RecommendationTable } from "./RecommendationTable";

export default function RecommendationsPage() {
  const query = useRecommendations();
  return (
    <div className="page">
      <PageHead title="Recommendations" tabTitle="Recommendations" lead="What to mend, the worst first. Each recommendation names the resources that it concerns and how to mend them." />
      <Loaded query={query} rows={10}>{(rows) => <FilteredRecommendations rows={rows} />}</Loaded>
    </div>
  );
}

function FilteredRecommendations({ rows }: { rows: readonly RecommendationRow[] }) {
  const { values, set } = useUrlState([...FILTER_NAMES, "group", "sort", "order"]);
  const sort = { key: (values.sort || "status") as SortKey, isDescending: values.order !== "up" };
  const grouping = (values.group || "none") as Grouping;
  const { q, severity, status, control, environment, type } = values;
  const shown = useMemo(
    () => filterRecommendations(rows, { q, severity, status, control, environment, type }),
    [rows, q, severity, status, control, environment, type],
  );
  const groups = useMemo(
    () => groupRecommendations(sortRecommendations(shown, { key: sort.key, isDescending: sort.isDescending }), grouping),
    [shown, sort.key, sort.isDescending, grouping],
  );
  const isFiltered = FILTER_NAMES.some((name) => values[name]);
  const clear = () => set(Object.fromEntries(FILTER_NAMES.map((name) => [name, ""])));
  return (
    <>
      <RecommendationFilters rows={rows} values={values} set={set} onClear={isFiltered ? clear : undefined} />
      <p className="muted" aria-live="polite">
        {isFiltered ? `${plural(shown.length, "recommendation")} of ${rows.length}` : plural(rows.length, "recommendation")}
      </p>
      <div className="card flush">
        {shown.length > 0 ? (
          <RecommendationTable
            groups={groups} grouping={grouping} sort={sort}
            onSort={(next) => set({ sort: next.key, order: next.isDescending ? "" : "up" })}
          />
        ) : (
          <EmptyNote title={isFiltered ? "No recommendation matches" : "Nothing is assessed yet"}>
            {isFiltered ? <ClearFilters onClear={clear} /> : <p>Recommendations appear after the first assessment.</p>}
          </EmptyNote>
        )}
      </div>
    </>
  );
}
