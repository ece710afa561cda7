import { useMemo } from "react";
import { useChanges } from "../../api/queries";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import type { Change } from "../../api/types";
import { plural, words } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { ChangeTable } from "./ChangeTable";
import { useTitles } from "./useTitles";

/** How many the server gives. */
const NEWEST = 500;

export default function ChangesPage() {
  const query = useChanges();
  return (
    <div className="page">
      <PageHead title="Changes" tabTitle="Changes" lead="Verdicts that changed from one assessment to the next, newest first." />
      <Loaded query={query}>{(changes) => <FilteredChanges changes={changes} />}</Loaded>
    </div>
  );
}

function FilteredChanges({ changes }: { changes: readonly Change[] }) {
  const titles = useTitles();
  const { values, set } = useUrlState(["q", "kind"]);
  const kinds = [...new Set(changes.map((change) => change.kind))].sort();
  const shown = useMemo(() => {
    const text = values.q.trim().toLowerCase();
    return changes.filter((change) => {
      const title = titles.get(change.recommendation)?.title ?? "";
      const isFound = [change.recommendation, change.resource, title].some((part) => part.toLowerCase().includes(text));
      return isFound && (!values.kind || change.kind === values.kind);
    });
  }, [changes, titles, values.q, values.kind]);
  const isFiltered = Boolean(values.q || values.kind);
  const clear = () => set({ q: "", kind: "" });
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Recommendation or resource" onChange={(q) => set({ q })} />
        <FilterSelect label="Change" value={values.kind} choices={kinds.map((value) => ({ value, label: words(value) }))} onChange={(kind) => set({ kind })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <p className="muted" aria-live="polite">{told(shown.length, changes.length)}</p>
      <div className="card flush">
        {shown.length > 0 ? <ChangeTable changes={shown} titles={titles} /> : (
          <EmptyNote title={isFiltered ? "No change matches" : "Nothing has changed yet"}>
            {isFiltered ? <ClearFilters onClear={clear} /> : <p>A change is a verdict that differs from that of the assessment before.</p>}
          </EmptyNote>
        )}
      </div>
    </>
  );
}

function told(nShown: number, nChanges: number) {
  if (nChanges < NEWEST) return plural(nShown, "change");
  return nShown < nChanges ? `${plural(nShown, "change")} among the newest ${NEWEST}` : `The newest ${NEWEST} changes; older ones are not shown`;
}
