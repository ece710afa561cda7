import { AlertOn16Filled, Beaker16Regular, CheckmarkCircle16Filled, PersonClock16Regular, QuestionCircle16Filled, SubtractCircle16Regular } from "@fluentui/react-icons";
import { Link } from "react-router";
import type { AlertRow, AlertStatus } from "../api/alertTypes";
import { alertPath, isSample, plainTitle } from "../lib/alerts";
import { words } from "../lib/format";

const ICONS = { Active: AlertOn16Filled, InProgress: PersonClock16Regular, Resolved: CheckmarkCircle16Filled, Dismissed: SubtractCircle16Regular };
const TONES: Record<AlertStatus, string> = { Active: "Unhealthy", InProgress: "Unknown", Resolved: "Healthy", Dismissed: "NotApplicable" };

/** What people did with an alert or an incident: icon, colour and word. */
export function AlertStatusBadge({ status }: { status: AlertStatus }) {
  const Icon = ICONS[status] ?? QuestionCircle16Filled;
  return <span className={`badge tone-${TONES[status] ?? "Unknown"}`}><Icon aria-hidden />{words(status)}</span>;
}

/** For alerts that somebody had made to see what they look like. */
export const SampleAlertBadge = () => (
  <span className="tag sample" title="Made on request: nothing happened"><Beaker16Regular aria-hidden /> <span>Sample</span></span>
);

export function AlertLink({ row }: { row: Pick<AlertRow, "id" | "title"> }) {
  return (
    <span className="row" style={{ columnGap: 8, rowGap: 0 }}>
      <Link to={alertPath(row.id)} className="cell-title"><bdi>{plainTitle(row.title)}</bdi></Link>
      {isSample(row.title) && <SampleAlertBadge />}
    </span>
  );
}
