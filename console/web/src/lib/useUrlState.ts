import { useCallback } from "react";
import { useSearchParams } from "react-router";

/** Filters live in the address, so that a view can be kept, sent and gone back to. */
export function useUrlState<K extends string>(names: readonly K[]) {
  const [parameters, setParameters] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? ""])) as Record<K, string>;
  const set = useCallback(
    (changes: Partial<Record<K, string>>) => {
      setParameters(
        (current) => {
          const next = new URLSearchParams(current);
          for (const [name, value] of Object.entries(changes) as [K, string | undefined][]) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace: true },
      );
    },
    [setParameters],
  );
  return { values, set };
}
