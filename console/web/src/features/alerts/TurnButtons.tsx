import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { turn } from "../../api/alertQueries";
import type { AlertStatus } from "../../api/alertTypes";
import { useSay } from "../../components/useSay";
import { formatCount, plural, sentence, words } from "../../lib/format";
import { ALERT_STATUSES } from "../../lib/alerts";

interface Props {
  what: "alerts" | "incidents";
  ids: readonly string[];
  /** The present state of one; of several there may be many. */
  status?: AlertStatus;
  onDone?: () => void;
}

const WORDS: Record<AlertStatus, string> = { Active: "Activate", InProgress: "Begin work", Resolved: "Resolve", Dismissed: "Dismiss" };

/** Turns alerts or incidents to another state. */
export function TurnButtons({ what, ids, status, onDone }: Props) {
  const say = useSay();
  const noun = what === "alerts" ? "alert" : "incident";
  const turning = useMutation({
    mutationFn: (wanted: AlertStatus) => turn(what, ids, wanted),
    onSuccess: (changed, wanted) => {
      const left = ids.length - changed;
      say(`${plural(changed, noun)} ${words(wanted).toLowerCase()}`, left > 0 ? `${formatCount(left)} stayed as ${left === 1 ? "it is" : "they are"}: gone, or not yours to change.` : undefined);
      onDone?.();
    },
  });
  return (
    <>
      <span className="row" role="group" aria-label={`State of the ${ids.length === 1 ? noun : what}`}>
        {ALERT_STATUSES.filter((wanted) => wanted !== status).map((wanted) => (
          <Button key={wanted} size="small" disabled={turning.isPending || ids.length === 0} onClick={() => turning.mutate(wanted)}>{WORDS[wanted]}</Button>
        ))}
      </span>
      {turning.error && <MessageBar intent="error" layout="multiline"><MessageBarBody>{sentence(turning.error.message)}</MessageBarBody></MessageBar>}
    </>
  );
}
