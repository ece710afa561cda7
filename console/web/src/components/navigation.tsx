import {
  ArrowSwap20Regular, BoxMultiple20Regular, CheckmarkStarburst20Regular, ClipboardTaskListLtr20Regular, EyeOff20Regular, GaugeRegular, Gavel20Regular, PlugConnected20Regular, ShieldDismiss20Regular,
} from "@fluentui/react-icons";
import type { ComponentType } from "react";
import { NavLink } from "react-router";

interface Place {
  to: string;
  text: string;
  Icon: ComponentType<{ "aria-hidden"?: boolean; fontSize?: number }>;
}

const PLACES: readonly Place[] = [
  { to: "/", text: "Overview", Icon: GaugeRegular },
  { to: "/recommendations", text: "Recommendations", Icon: ClipboardTaskListLtr20Regular },
  { to: "/inventory", text: "Inventory", Icon: BoxMultiple20Regular },
  { to: "/compliance", text: "Compliance", Icon: CheckmarkStarburst20Regular },
  { to: "/policy", text: "Policy", Icon: Gavel20Regular },
  { to: "/connectors", text: "Connectors", Icon: PlugConnected20Regular },
  { to: "/coverage", text: "Coverage", Icon: EyeOff20Regular },
  { to: "/exemptions", text: "Exemptions", Icon: ShieldDismiss20Regular },
  { to: "/changes", text: "Changes", Icon: ArrowSwap20Regular },
];

export function NavigationLinks({ onChoose }: { onChoose?: () => void }) {
  return (
    <nav aria-label="Main">
      <ul className="plain stack" style={{ gap: 2 }}>
        {PLACES.map(({ to, text, Icon }) => (
          <li key={to}>
            <NavLink to={to} end={to === "/"} className="nav-link" onClick={onChoose}>
              <Icon aria-hidden fontSize={20} />
              {text}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}
