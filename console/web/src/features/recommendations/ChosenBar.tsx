import { Button } from "@fluentui/react-components";
import { ShieldDismiss16Regular } from "@fluentui/react-icons";
import type { RecommendationDetail, StatusCounts } from "../../api/types";
import { plural, words } from "../../lib/format";
import { STATUSES } from "../../lib/recommendations";
import { BulkExemptDialog } from "../exemptions/BulkExemptDialog";

interface Props {
  detail: RecommendationDetail;
  chosen: ReadonlySet<string>;
  /** What the filters match, whatever the page. */
  counts: StatusCounts;
  status: string;
  q: string;
  isBusy: boolean;
  onDone: () => void;
}

/** What can be exempted at once: the resources that are chosen, or all that the filters match. */
export function ChosenBar({ detail, chosen, counts, status, q, isBusy, onDone }: Props) {
  const { id: recommendation, title } = detail.recommendation;
  const expected = STATUSES.reduce((sum, one) => sum + (counts[one] ?? 0), 0);
  const open = expected - (counts.NotApplicable ?? 0);
  if (open === 0) return null;
  const found = [status && words(status).toLowerCase(), q && `found by “${q}”`].filter(Boolean).join(", ");
  return (
    <div className="row spread inset action-line">
      <span className="muted" aria-live="polite">{chosen.size > 0 ? `${plural(chosen.size, "resource")} chosen` : "Choose resources to exempt several at once."}</span>
      <span className="row">
        {chosen.size > 0 && <Button size="small" appearance="subtle" onClick={onDone}>Choose none</Button>}
        {chosen.size > 0 && (
          <BulkExemptDialog
            subject={{ recommendation, title, count: chosen.size, which: { resources: [...chosen] }, what: [...chosen].slice(0, 5).join(", ") }} onDone={onDone}
            trigger={<Button size="small" appearance="primary" icon={<ShieldDismiss16Regular />}>Exempt {chosen.size} chosen</Button>}
          />
        )}
        {chosen.size === 0 && open > 1 && (
          <BulkExemptDialog
            subject={{ recommendation, title, count: open, which: { matching: { status: status || undefined, q: q || undefined, expected } }, what: found ? `All that are ${found}` : "All that are there now; those that come later are not exempt" }}
            onDone={onDone} trigger={<Button size="small" disabled={isBusy} icon={<ShieldDismiss16Regular />}>Exempt all {plural(open, "resource")} {found ? "shown" : "there now"}</Button>}
          />
        )}
      </span>
    </div>
  );
}
