import { useState } from "react";
import { useFacets, useResources } from "../../api/queries";
import { ClearFilters } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Pager } from "../../components/Pager";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { useUrlState } from "../../lib/useUrlState";
import { FACET_NAMES, InventoryFilters, type FacetName } from "./InventoryFilters";
import { ResourceTable } from "./ResourceTable";

const LIMIT = 50;

export default function InventoryPage() {
  const { values, set } = useUrlState(FACET_NAMES);
  const [trail, setTrail] = useState<Trail>(START);
  const facets = useFacets();
  const query = useResources({ ...values, cursor: cursorOf(trail), limit: LIMIT });
  const isFiltered = FACET_NAMES.some((name) => values[name]);
  const change = (changes: Partial<Record<FacetName, string>>) => {
    setTrail(START);
    set(changes);
  };
  const clear = () => change(Object.fromEntries(FACET_NAMES.map((name) => [name, ""])));
  return (
    <div className="page">
      <PageHead title="Inventory" tabTitle="Inventory" lead="Every resource that Skywarden knows, with how its checks stand." />
      <InventoryFilters facets={facets.data} values={values} onChange={change} onClear={isFiltered ? clear : undefined} />
      <div className="card flush">
        <Loaded query={query} rows={10}>
          {(page) => page.items.length === 0 ? (
            <EmptyNote title={isFiltered ? "No resource matches" : "No resource is known yet"}>
              {isFiltered ? <ClearFilters onClear={clear} /> : <p>Connect an environment with <code>skywarden connect</code>.</p>}
            </EmptyNote>
          ) : (
            <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
              <ResourceTable resources={page.items} />
              <Pager
                trail={trail} limit={LIMIT} count={page.items.length} total={page.total} next={page.next} noun="resource"
                isBusy={query.isPlaceholderData} onMove={setTrail}
              />
            </div>
          )}
        </Loaded>
      </div>
    </div>
  );
}
