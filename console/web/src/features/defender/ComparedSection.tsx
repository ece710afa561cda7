import { useMemo, useState } from "react";
import type { BesideDefender } from "../../api/defenderTypes";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote } from "../../components/PageStates";
import { ShowMore } from "../../components/ShowMore";
import { filterCompared } from "../../lib/defender";
import { formatCount, plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { ComparedTable } from "./ComparedTable";

/** Recommendations shown before a person asks for more. */
const STEP = 50;

const DIFFERING = [{ value: "yes", label: "Only what differs" }];

/** The recommendations that both have, the least agreement first. */
export function ComparedSection({ beside: { agreement: { compared: rows }, titles, connector } }: { beside: BesideDefender }) {
  const { values, set } = useUrlState(["q", "differs"]);
  const [limit, setLimit] = useState(STEP);
  const isFiltered = Boolean(values.q || values.differs);
  const clear = () => set({ q: "", differs: "" });
  const found = useMemo(
    () => filterCompared(rows, { q: values.q, isDifferent: values.differs !== "" }, (id) => titles[id] ?? id),
    [rows, values.q, values.differs, titles],
  );
  return (
    <section className="stack" aria-label="Compared">
      <h2 className="section-title">What both judge</h2>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Recommendation, key or resource" onChange={(q) => set({ q })} />
        <FilterSelect label="Verdicts" value={values.differs} choices={DIFFERING} onChange={(differs) => set({ differs })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <p className="muted" aria-live="polite">{plural(found.length, "recommendation")}{isFiltered ? ` of ${formatCount(rows.length)}` : ""}{found.length > 1 && ", the least agreement first"}</p>
      <div className="card flush">
        {found.length > 0 ? <ComparedTable rows={found.slice(0, limit)} titles={titles} connector={connector} /> : (
          <EmptyNote title={isFiltered ? "No recommendation matches" : "There is nothing to compare"}>{isFiltered && <ClearFilters onClear={clear} />}</EmptyNote>
        )}
        <ShowMore left={found.length - limit} onMore={() => setLimit(limit + STEP)} />
      </div>
    </section>
  );
}
