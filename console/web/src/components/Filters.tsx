import { Button, Input, Label, Select } from "@fluentui/react-components";
import { FilterDismiss20Regular, Search16Regular } from "@fluentui/react-icons";
import { useEffect, useId, useState } from "react";
import { useDebounced } from "../lib/useDebounced";

/** A search box that reports what was typed once it rests. */
export function SearchBox({ label, value, placeholder, onChange }: { label: string; value: string; placeholder: string; onChange: (value: string) => void }) {
  const id = useId();
  const [text, setText] = useState(value);
  const rested = useDebounced(text);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    // Only what was typed here counts: a value set from outside must not be answered with the older text.
    if (rested === text && rested !== value) onChange(rested);
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [rested]);
  return (
    <div className="grow">
      <Label htmlFor={id} size="small">{label}</Label>
      <Input
        id={id} type="search" value={text} placeholder={placeholder} contentBefore={<Search16Regular aria-hidden />}
        onChange={(_, data) => setText(data.value)}
      />
    </div>
  );
}

export interface Choice {
  value: string;
  label: string;
}

export function FilterSelect({ label, value, choices, all = "All", onChange }: { label: string; value: string; choices: readonly Choice[]; all?: string; onChange: (value: string) => void }) {
  const id = useId();
  // A value from the address that is not among the choices stays visible, or the list would seem unfiltered.
  const isForeign = value !== "" && !choices.some((choice) => choice.value === value);
  return (
    <div>
      <Label htmlFor={id} size="small">{label}</Label>
      <Select id={id} value={value} onChange={(_, data) => onChange(data.value)}>
        <option value="">{all}</option>
        {isForeign && <option value={value}>{value}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>{choice.label}</option>
        ))}
      </Select>
    </div>
  );
}

export function ClearFilters({ onClear }: { onClear: () => void }) {
  return (
    <div className="fit">
      <Button appearance="subtle" icon={<FilterDismiss20Regular />} onClick={onClear}>Clear filters</Button>
    </div>
  );
}
