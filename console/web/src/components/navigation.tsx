import {
  AlertUrgent20Regular, ArrowSwap20Regular, BoxMultiple20Regular, BranchFork20Regular, CheckmarkStarburst20Regular, ClipboardTaskListLtr20Regular, DocumentBulletList20Regular, EyeOff20Regular, GaugeRegular, Gavel20Regular, Layer20Regular,
  PeopleLock20Regular, PlugConnected20Regular, Settings20Regular, ShieldDismiss20Regular, ShieldTask20Regular, StreamInput20Regular,
} from "@fluentui/react-icons";
import type { ComponentType } from "react";
import { NavLink } from "react-router";
import { useMay, useSession } from "../api/peopleQueries";
import {
  ALERTS_READ, ASSESSMENTS_READ, AUDIT_READ, COMPLIANCE_READ, CONNECTORS_READ, EXEMPTIONS_READ, LOG_INPUTS_READ, PLANS_READ, POLICIES_READ, PRINCIPALS_READ, ROLES_READ,
} from "../lib/actions";

interface Place {
  to: string;
  text: string;
  Icon: ComponentType<{ "aria-hidden"?: boolean; fontSize?: number }>;
  /** The actions of which one must be allowed somewhere; without any it is for everybody. */
  needs?: readonly string[];
}

const PLACES: readonly Place[] = [
  { to: "/", text: "Overview", Icon: GaugeRegular },
  { to: "/recommendations", text: "Recommendations", Icon: ClipboardTaskListLtr20Regular, needs: [ASSESSMENTS_READ] },
  { to: "/inventory", text: "Inventory", Icon: BoxMultiple20Regular, needs: [ASSESSMENTS_READ] },
  { to: "/compliance", text: "Compliance", Icon: CheckmarkStarburst20Regular, needs: [COMPLIANCE_READ] },
  { to: "/policy", text: "Policy", Icon: Gavel20Regular, needs: [POLICIES_READ] },
  { to: "/connectors", text: "Connectors", Icon: PlugConnected20Regular, needs: [CONNECTORS_READ] },
  { to: "/coverage", text: "Coverage", Icon: EyeOff20Regular, needs: [CONNECTORS_READ] },
  { to: "/exemptions", text: "Exemptions", Icon: ShieldDismiss20Regular, needs: [EXEMPTIONS_READ] },
  { to: "/changes", text: "Changes", Icon: ArrowSwap20Regular, needs: [ASSESSMENTS_READ] },
];

const PROTECTION: readonly Place[] = [
  { to: "/protection", text: "Dashboard", Icon: ShieldTask20Regular, needs: [ALERTS_READ, PLANS_READ] },
  { to: "/alerts", text: "Alerts", Icon: AlertUrgent20Regular, needs: [ALERTS_READ] },
  { to: "/incidents", text: "Incidents", Icon: BranchFork20Regular, needs: [ALERTS_READ] },
  { to: "/logs", text: "Log sources", Icon: StreamInput20Regular, needs: [LOG_INPUTS_READ] },
];

const ADMINISTRATION: readonly Place[] = [
  { to: "/plans", text: "Plans", Icon: Layer20Regular, needs: [PLANS_READ] },
  { to: "/access", text: "Access", Icon: PeopleLock20Regular, needs: [PRINCIPALS_READ, ROLES_READ] },
  { to: "/audit", text: "Audit log", Icon: DocumentBulletList20Regular, needs: [AUDIT_READ] },
  { to: "/settings", text: "Settings", Icon: Settings20Regular },
];

export function NavigationLinks({ onChoose }: { onChoose?: () => void }) {
  const may = useMay();
  const isKnown = useSession().data !== undefined;
  const isOpen = ({ needs }: Place) => !needs || needs.some(may);
  const protection = PROTECTION.filter(isOpen);
  return (
    <nav aria-label="Main">
      {/* Most people see all of these: they do not wait for the session to be read. */}
      <Places places={PLACES.filter((place) => !isKnown || isOpen(place))} onChoose={onChoose} />
      {protection.length > 0 && <p className="nav-title small muted">Workload protection</p>}
      <Places places={protection} onChoose={onChoose} />
      <p className="nav-title small muted">Administration</p>
      <Places places={ADMINISTRATION.filter(isOpen)} onChoose={onChoose} />
    </nav>
  );
}

function Places({ places, onChoose }: { places: readonly Place[]; onChoose?: () => void }) {
  return (
    <ul className="plain stack" style={{ gap: 2 }}>
      {places.map(({ to, text, Icon }) => (
        <li key={to}>
          <NavLink to={to} end={to === "/"} className="nav-link" onClick={onChoose}>
            <Icon aria-hidden fontSize={20} />
            {text}
          </NavLink>
        </li>
      ))}
    </ul>
  );
}
