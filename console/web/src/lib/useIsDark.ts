import { useSyncExternalStore } from "react";

const root = document.documentElement;

function subscribe(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(root, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

/** For what draws on a canvas and so must be drawn anew when the colours change. */
export const useIsDark = (): boolean => useSyncExternalStore(subscribe, () => root.dataset.theme === "dark");
