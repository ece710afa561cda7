import type { RecommendationRow } from "../../api/types";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { environmentName, words } from "../../lib/format";
import { HAS_UNKNOWN, optionsOf, SEVERITIES, STATUSES } from "../../lib/recommendations";

export const FILTER_NAMES = ["q", "severity", "status", "control", "environment", "type"] as const;
const STATUS_CHOICES = [...STATUSES.map((value) => ({ value: value as string, label: words(value) })), { value: HAS_UNKNOWN, label: "Any unknown resource" }];

type Name = (typeof FILTER_NAMES)[number] | "group" | "sort" | "order";

interface Props {
  rows: readonly RecommendationRow[];
  values: Record<Name, string>;
  set: (changes: Partial<Record<Name, string>>) => void;
  onClear?: () => void;
}

export function RecommendationFilters({ rows, values, set, onClear }: Props) {
  return (
    <div className="filters">
      <SearchBox label="Search" value={values.q} placeholder="Title, id or type" onChange={(q) => set({ q })} />
      <FilterSelect label="Status" value={values.status} choices={STATUS_CHOICES} onChange={(status) => set({ status })} />
      <FilterSelect label="Severity" value={values.severity} choices={SEVERITIES.map((value) => ({ value, label: value }))} onChange={(severity) => set({ severity })} />
      <FilterSelect label="Security control" value={values.control} choices={optionsOf(rows, "control", (_, row) => row.controlTitle)} onChange={(control) => set({ control })} />
      <FilterSelect label="Environment" value={values.environment} choices={optionsOf(rows, "environment", environmentName)} onChange={(environment) => set({ environment })} />
      <FilterSelect label="Resource type" value={values.type} choices={optionsOf(rows, "type")} onChange={(type) => set({ type })} />
      <FilterSelect
        label="Group by" value={values.group} all="No groups" onChange={(group) => set({ group })}
        choices={[{ value: "control", label: "Security control" }, { value: "severity", label: "Severity" }]}
      />
      {onClear && <ClearFilters onClear={onClear} />}
    </div>
  );
}
