import { useSyncExternalStore } from "react";

let hasEnded = false;
const listeners = new Set<() => void>();

/** Called once the server has answered 401: every page gives way to a note. */
export function endSession(): void {
  hasEnded = true;
  listeners.forEach((listener) => listener());
}

export function useSessionEnded(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => hasEnded,
  );
}
