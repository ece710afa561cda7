import { Button } from "@fluentui/react-components";
import { plural } from "../../lib/format";
import { TurnButtons } from "./TurnButtons";

/** What can be done with the alerts that are chosen. */
export function TurnBar({ chosen, onDone }: { chosen: ReadonlySet<string>; onDone: () => void }) {
  return (
    <div className="row spread action-line turn-bar">
      <span className="muted" aria-live="polite">{chosen.size > 0 ? `${plural(chosen.size, "alert")} chosen` : "Choose alerts to change the state of several at once."}</span>
      {chosen.size > 0 && (
        <span className="row">
          <Button size="small" appearance="subtle" onClick={onDone}>Choose none</Button>
          <TurnButtons what="alerts" ids={[...chosen]} onDone={onDone} />
        </span>
      )}
    </div>
  );
}
