import { Dismiss12Regular } from "@fluentui/react-icons";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { shorten } from "../../lib/format";
import { ALERT_SEVERITIES, DAY_CHOICES, DEFAULT_DAYS_TITLE, OPEN_TITLE, STATUS_CHOICES } from "../../lib/alerts";
import { usePlanTitle } from "../plans/usePlanTitle";

export const FILTER_NAMES = ["q", "severity", "status", "plan", "days", "detection", "resource"] as const;
export type FilterValues = Record<(typeof FILTER_NAMES)[number] | "group", string>;

interface Props {
  values: FilterValues;
  onChange: (changes: Partial<FilterValues>) => void;
  onClear?: () => void;
  /** Those that have alerts. */
  plans: readonly string[];
}

export function AlertFilters({ values, onChange, onClear, plans }: Props) {
  const titleOf = usePlanTitle();
  const known = values.plan && !plans.includes(values.plan) ? [...plans, values.plan] : plans;
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Title, resource, address, account" onChange={(q) => onChange({ q })} />
        <FilterSelect label="Severity" value={values.severity} choices={ALERT_SEVERITIES.map((value) => ({ value, label: value }))} onChange={(severity) => onChange({ severity })} />
        <FilterSelect label="Status" value={values.status} all={OPEN_TITLE} choices={STATUS_CHOICES} onChange={(status) => onChange({ status })} />
        <FilterSelect label="Plan" value={values.plan} choices={known.filter(Boolean).map((value) => ({ value, label: titleOf(value) }))} onChange={(plan) => onChange({ plan })} />
        <FilterSelect label="Last event" value={values.days} all={DEFAULT_DAYS_TITLE} choices={DAY_CHOICES} onChange={(days) => onChange({ days })} />
        <FilterSelect
          label="Group by" value={values.group} all="No groups" onChange={(group) => onChange({ group })}
          choices={[{ value: "detection", label: "Detection" }, { value: "resource", label: "Resource" }]}
        />
        {onClear && <ClearFilters onClear={onClear} />}
      </div>
      {(values.detection || values.resource) && (
        <p className="row">
          <span className="muted">Only</span>
          {values.detection && <Narrowed text={`detection ${values.detection}`} onRemove={() => onChange({ detection: "" })} />}
          {values.resource && <Narrowed text={`resource ${values.resource}`} onRemove={() => onChange({ resource: "" })} />}
        </p>
      )}
    </>
  );
}

/** A filter that no list can offer, since it has too many choices. */
function Narrowed({ text, onRemove }: { text: string; onRemove: () => void }) {
  return <span className="tag"><bdi>{shorten(text, 100)}</bdi><button type="button" className="link-button" aria-label={`Remove the filter ${text}`} onClick={onRemove}><Dismiss12Regular aria-hidden /></button></span>;
}
