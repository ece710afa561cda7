import { Button } from "@fluentui/react-components";
import { ChevronLeft16Regular, ChevronRight16Regular } from "@fluentui/react-icons";
import { back, forward, shownRows, type Trail } from "../lib/paging";
import { formatCount, plural } from "../lib/format";

interface Props {
  trail: Trail;
  limit: number;
  count: number;
  total?: number;
  next?: string | null;
  noun: string;
  isBusy: boolean;
  onMove: (trail: Trail) => void;
}

/** Where in a list one is, and the ways back and on. */
export function Pager({ trail, limit, count, total, next, noun, isBusy, onMove }: Props) {
  const shown = shownRows(trail, limit, count);
  if (!shown) return null;
  const isOnly = trail.cursors.length === 0 && !next;
  const rows = `${formatCount(shown.first)} to ${formatCount(shown.last)}`;
  return (
    <div className="pager">
      <span className="muted" aria-live="polite">
        {isOnly ? plural(count, noun) : total === undefined ? rows : `${rows} of ${plural(total, noun)}`}
      </span>
      {!isOnly && (
        <span className="row">
          <Button size="small" icon={<ChevronLeft16Regular />} disabled={trail.cursors.length === 0 || isBusy} onClick={() => onMove(back(trail))}>
            Previous
          </Button>
          <Button size="small" icon={<ChevronRight16Regular />} iconPosition="after" disabled={!next || isBusy} onClick={() => next && onMove(forward(trail, next))}>
            Next
          </Button>
        </span>
      )}
    </div>
  );
}
