import { useMemo } from "react";
import { useCoverage } from "../../api/queries";
import type { CoverageItem } from "../../api/types";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { filterCoverage, OUTCOMES, permissionsOf } from "../../lib/coverage";
import { plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { useAccountNames } from "../inventory/useConnectors";
import { CoverageTable, OUTCOME_WORDS } from "./CoverageTable";

export default function CoveragePage() {
  const query = useCoverage();
  return (
    <div className="page">
      <PageHead
        title="Coverage" tabTitle="Coverage"
        lead="What Skywarden listed in the last run, and what it could not read. A check that needs what is missing here is Unknown, never Healthy."
      />
      <Loaded query={query}>{(items) => <FilteredCoverage items={items} />}</Loaded>
    </div>
  );
}

function FilteredCoverage({ items }: { items: readonly CoverageItem[] }) {
  const { values, set } = useUrlState(["q", "outcome", "account"]);
  const { q, outcome, account } = values;
  const shown = useMemo(() => filterCoverage(items, { q, outcome, account }), [items, q, outcome, account]);
  const names = useAccountNames();
  const accounts = [...new Set(items.map((item) => item.account))].sort();
  const missing = [...new Set(items.flatMap(permissionsOf))].sort();
  const isFiltered = Boolean(q || outcome || account);
  const clear = () => set({ q: "", outcome: "", account: "" });
  return (
    <>
      {missing.length > 0 && (
        <section className="card stack" aria-label="Missing permissions">
          <h2>Missing permissions</h2>
          <p>Allow Skywarden these to read what it could not:</p>
          <p className="row">{missing.map((permission) => <code className="tag" key={permission}>{permission}</code>)}</p>
        </section>
      )}
      <div className="filters">
        <SearchBox label="Search" value={q} placeholder="Type, region or permission" onChange={(text) => set({ q: text })} />
        <FilterSelect label="Outcome" value={outcome} choices={OUTCOMES.map((value) => ({ value, label: OUTCOME_WORDS[value] }))} onChange={(value) => set({ outcome: value })} />
        {accounts.length > 1 && <FilterSelect label="Account" value={account} choices={accounts.map((value) => ({ value, label: names.get(value) ?? value }))} onChange={(value) => set({ account: value })} />}
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <p className="muted" aria-live="polite">{plural(shown.length, "list")}{isFiltered && ` of ${items.length}`}</p>
      <div className="card flush">
        {shown.length > 0 ? <CoverageTable items={shown} /> : (
          <EmptyNote title={isFiltered ? "Nothing matches" : "Nothing was listed yet"}>{isFiltered ? <ClearFilters onClear={clear} /> : <p>Connect an environment with <code>skywarden connect</code>; what is listed of it stands here after the first run.</p>}</EmptyNote>
        )}
      </div>
    </>
  );
}
