import { useMemo } from "react";
import { useOverview } from "../../api/queries";
import type { Scope } from "../../api/complianceTypes";
import { FilterSelect } from "../../components/Filters";
import { shorten } from "../../lib/format";
import { scopeChoices, scopeOf, scopeValue } from "../../lib/scope";
import { useUrlState } from "../../lib/useUrlState";

/** The scope in the address, which every page of compliance shares. */
export function useScope(): { scope: Scope; setScope: (scope: Scope) => void; search: string } {
  const { values, set } = useUrlState(["connector", "account"]);
  const { connector, account } = values;
  const scope = useMemo(() => ({ connector: connector || undefined, account: account || undefined }), [connector, account]);
  const query = new URLSearchParams(Object.entries({ connector, account }).filter(([, value]) => value));
  return { scope, setScope: (next) => set({ connector: next.connector ?? "", account: next.account ?? "" }), search: query.size > 0 ? `?${query}` : "" };
}

/** Everything, one connector, or one account of it. */
export function ScopeSelect({ scope, onChange }: { scope: Scope; onChange: (scope: Scope) => void }) {
  const { data } = useOverview();
  const choices = useMemo(() => scopeChoices(data), [data]);
  return (
    <FilterSelect
      label="Scope" value={scopeValue(scope)} all="Everything"
      choices={choices.map((choice) => ({ ...choice, label: shorten(choice.label, 80) }))} onChange={(value) => onChange(scopeOf(value))}
    />
  );
}
