import { useSyncExternalStore } from "react";

let hasEnded = false;
const listeners = new Set<() => void>();

function note(value: boolean): void {
  hasEnded = value;
  listeners.forEach((listener) => listener());
}

/** Called once the server has answered 401: every page gives way to the sign-in page. */
export const endSession = (): void => note(true);

/** Called once somebody has signed in. */
export const beginSession = (): void => note(false);

export function useSessionEnded(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hasEnded,
  );
}
