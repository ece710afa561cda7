import type { AlertDetail } from "../../api/alertTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { JsonTree } from "../../components/JsonTree";
import { formatCount, plural } from "../../lib/format";

/** Ids laid out when they are asked for. */
const MOST = 100;

/** The first event as it was read and as it stood in the log, and the ids of the others. */
export function AlertEvents({ alert }: { alert: AlertDetail }) {
  const { events } = alert;
  return (
    <section className="card stack wide" aria-label="Events">
      <h2>First event</h2>
      <div className="columns">
        <div className="stack">
          <h3>Normalised, in the words of OCSF</h3>
          <div className="scroll-tree" tabIndex={0} role="group" aria-label="The first event, normalised"><JsonTree value={alert.firstEvent} openDepth={2} /></div>
        </div>
        <div className="stack">
          <h3>As it stood in the log</h3>
          <div className="scroll-raw"><CopyBlock title="Raw event" text={laidOut(alert.raw)} isWrapped /></div>
        </div>
      </div>
      {events.length > 1 && (
        <details>
          <summary>Ids of {events.length < alert.nEvents ? `the first ${formatCount(events.length)} of ${plural(alert.nEvents, "event")}` : `all ${plural(events.length, "event")}`}</summary>
          <ul className="plain scroll-rows small">
            {events.slice(0, MOST).map((id) => <li key={id}><code className="breakable">{id}</code></li>)}
            {events.length > MOST && <li className="muted">and {formatCount(events.length - MOST)} more, which the API tells</li>}
          </ul>
        </details>
      )}
    </section>
  );
}

/** JSON with line breaks; any other text as it is. */
function laidOut(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
