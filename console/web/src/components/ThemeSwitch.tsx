import { Button } from "@fluentui/react-components";
import { WeatherMoon20Regular, WeatherSunny20Regular } from "@fluentui/react-icons";

/** Until it is used, the colours follow the system. */
export function ThemeSwitch({ isDark, onSwitch }: { isDark: boolean; onSwitch: (isDark: boolean) => void }) {
  const text = isDark ? "Switch to light colours" : "Switch to dark colours";
  return (
    <Button
      appearance="subtle" icon={isDark ? <WeatherSunny20Regular /> : <WeatherMoon20Regular />} aria-label={text} title={text}
      onClick={() => onSwitch(!isDark)}
    />
  );
}
