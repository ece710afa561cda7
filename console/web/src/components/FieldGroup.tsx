import { useId, type ReactNode } from "react";

/** Several controls under one label; a `Field` would give its label to each of them. */
export function FieldGroup({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  const id = useId();
  return (
    <fieldset className="bare field-group" aria-describedby={hint ? id : undefined}>
      <legend>{label}</legend>
      {children}
      {hint && <p className="small muted" id={id}>{hint}</p>}
    </fieldset>
  );
}
