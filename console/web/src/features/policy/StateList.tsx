import { useState } from "react";
import { useStates, type StatesFilter } from "../../api/policyQueries";
import type { Setting } from "../../api/policyTypes";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { Pager } from "../../components/Pager";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { objectTitle, POLICY_STATES, stateWord } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { StateTable } from "./StateTable";

const LIMIT = 50;

/** States of resources page by page, by state, definition and text. */
export function StateList({ filter, settings = [] }: { filter: Pick<StatesFilter, "assignment" | "resource">; settings?: readonly Setting[] }) {
  const { values, set } = useUrlState(["state", "q", "reference"]);
  const [trail, setTrail] = useState<Trail>(START);
  const query = useStates({ ...filter, ...values, cursor: cursorOf(trail), limit: LIMIT });
  const isFiltered = Boolean(values.state || values.q || values.reference);
  const change = (changes: Partial<Record<"state" | "q" | "reference", string>>) => {
    setTrail(START);
    set(changes);
  };
  const clear = () => change({ state: "", q: "", reference: "" });
  const references = settings.filter((own) => own.reference).map((own) => ({ value: own.reference, label: objectTitle(own.displayName, own.definitionId) }));
  return (
    <>
      <div className="filters inset">
        <SearchBox label="Search resources" value={values.q} placeholder="Name or id" onChange={(q) => change({ q })} />
        <FilterSelect label="State" value={values.state} choices={POLICY_STATES.map((value) => ({ value, label: stateWord(value) }))} onChange={(state) => change({ state })} />
        {references.length > 1 && <FilterSelect label="Definition" value={values.reference} choices={references} onChange={(reference) => change({ reference })} />}
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <Loaded query={query}>
        {(page) => page.items.length === 0 ? (
          <EmptyNote title={isFiltered ? "No resource matches" : "No resource is concerned"}>{isFiltered && <ClearFilters onClear={clear} />}</EmptyNote>
        ) : (
          <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
            <StateTable rows={page.items} />
            <Pager trail={trail} limit={LIMIT} count={page.items.length} total={page.total} next={page.next} noun="state" isBusy={query.isPlaceholderData} onMove={setTrail} />
          </div>
        )}
      </Loaded>
    </>
  );
}
