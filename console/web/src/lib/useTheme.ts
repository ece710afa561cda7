import { useEffect, useState, useSyncExternalStore } from "react";

type ThemeChoice = "system" | "light" | "dark";

const KEY = "skywarden-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

function subscribe(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

export function useTheme() {
  const [choice, setChoice] = useState<ThemeChoice>(stored);
  const systemIsDark = useSyncExternalStore(subscribe, () => dark.matches);
  const isDark = choice === "system" ? systemIsDark : choice === "dark";
  useEffect(() => {
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    try {
      if (choice === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Storage may be forbidden; the choice then lasts until the page is left.
    }
  }, [choice, isDark]);
  const switchTheme = (toDark: boolean) => setChoice(toDark ? "dark" : "light");
  return { isDark, switchTheme };
}
