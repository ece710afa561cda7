import type { Facet, Facets } from "../../api/types";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { formatCount, shorten, words } from "../../lib/format";
import { STATUSES } from "../../lib/recommendations";
import { useAccountNames, useConnectors } from "./useConnectors";

export const FACET_NAMES = ["q", "type", "connector", "account", "location", "status"] as const;
export type FacetName = (typeof FACET_NAMES)[number];

interface Props {
  facets?: Facets;
  values: Record<FacetName, string>;
  onChange: (changes: Partial<Record<FacetName, string>>) => void;
  onClear?: () => void;
}

export function InventoryFilters({ facets, values, onChange, onClear }: Props) {
  const connectors = useConnectors();
  const accounts = useAccountNames();
  const choices = (list: readonly Facet[] = [], name = (value: string) => value) =>
    list.map(({ value, count }) => ({ value, label: `${shorten(name(value) || "(none)", 80)} (${formatCount(count)})` }));
  return (
    <div className="filters">
      <SearchBox label="Search" value={values.q} placeholder="Name or id" onChange={(q) => onChange({ q })} />
      <FilterSelect label="Type" value={values.type} choices={choices(facets?.types)} onChange={(type) => onChange({ type })} />
      <FilterSelect
        label="Connector" value={values.connector} choices={choices(facets?.connectors, (id) => connectors.get(id)?.displayName ?? id)}
        onChange={(connector) => onChange({ connector })}
      />
      <FilterSelect label="Account" value={values.account} choices={choices(facets?.accounts, (id) => accounts.get(id) ?? id)} onChange={(account) => onChange({ account })} />
      <FilterSelect label="Location" value={values.location} choices={choices(facets?.locations)} onChange={(location) => onChange({ location })} />
      <FilterSelect
        label="With a check that is" value={values.status} all="Any status" choices={STATUSES.map((value) => ({ value, label: words(value) }))}
        onChange={(status) => onChange({ status })}
      />
      {onClear && <ClearFilters onClear={onClear} />}
    </div>
  );
}
