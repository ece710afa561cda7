import { Button } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { fetchAlert, fetchAlerts, MAX_ROWS } from "../../api/alertQueries";
import type { AlertDetail } from "../../api/alertTypes";
import { useMay } from "../../api/peopleQueries";
import { Problem } from "../../components/Problem";
import { ALERTS_READ } from "../../lib/actions";
import { plural } from "../../lib/format";
import { EVERY_TYPE, fits, propertiesOf, type RuleDraft } from "../../lib/suppression";

const DAYS = "30";

/** Alerts whose entities are looked at: each is a request of its own. */
const MOST_LOOKED_AT = 60;
const AT_ONCE = 6;

interface Found {
  /** What was looked at, in the words of JSON, so that a later change is seen. */
  of: string;
  fitting: number;
  looked: number;
  /** Whether there are more than were looked at. */
  isPart: boolean;
}

const keyOf = (draft: RuleDraft): string => JSON.stringify([draft.subscription, propertiesOf(draft).alertType, propertiesOf(draft).suppressionAlertsScope]);

/** How many alerts of the last days a rule would have dismissed. */
async function look(draft: RuleDraft): Promise<Found> {
  const properties = propertiesOf(draft);
  const detection = properties.alertType === EVERY_TYPE ? undefined : properties.alertType;
  const page = await fetchAlerts({ detection, days: DAYS, limit: MAX_ROWS });
  const rows = page.items.filter((row) => row.subscription === draft.subscription);
  const of = keyOf(draft);
  if (!properties.suppressionAlertsScope) return { of, fitting: rows.length, looked: rows.length, isPart: Boolean(page.next) };
  const some = rows.slice(0, MOST_LOOKED_AT);
  const details: AlertDetail[] = [];
  for (let at = 0; at < some.length; at += AT_ONCE) details.push(...(await Promise.all(some.slice(at, at + AT_ONCE).map((row) => fetchAlert(row.id)))));
  return { of, fitting: details.filter((alert) => fits(properties, alert)).length, looked: some.length, isPart: Boolean(page.next) || some.length < rows.length };
}

export function RulePreview({ draft, isReady }: { draft: RuleDraft; isReady: boolean }) {
  const looking = useMutation({ mutationFn: look });
  const canRead = useMay()(ALERTS_READ);
  if (!canRead) return null;
  const found = looking.data?.of === keyOf(draft) ? looking.data : undefined;
  return (
    <div className="stack">
      <div className="row">
        <Button size="small" disabled={!isReady || looking.isPending} onClick={() => looking.mutate(draft)}>{looking.isPending ? "Looking…" : `Try on the last ${DAYS} days`}</Button>
        <span aria-live="polite">{found && <Result found={found} />}</span>
      </div>
      {looking.error && <Problem text={`The alerts could not be read: ${looking.error.message}`} />}
    </div>
  );
}

function Result({ found }: { found: Found }) {
  if (found.looked === 0) return <>No alert of this type came there.</>;
  return <>It fits <strong>{found.fitting}</strong> of {found.isPart ? "the newest " : ""}{plural(found.looked, "alert")} of this type there.</>;
}
