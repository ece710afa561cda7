import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import { sentence } from "../lib/format";
import { EmptyNote } from "./PageStates";

/** Why something did not work, told at once to screen readers too. */
export function Problem({ text }: { text: string | null | undefined }) {
  return (
    <div role="alert" className="problem">
      {text && <MessageBar intent="error" layout="multiline"><MessageBarBody>{sentence(text)}</MessageBarBody></MessageBar>}
    </div>
  );
}

/** Says which right is lacking where a page shows less than others see. */
export function LacksNote({ action, what }: { action: string; what: string }) {
  return (
    <p className="small muted">
      You cannot {what} here: none of your roles allows <code>{action}</code>.
    </p>
  );
}

/** The same in the place of a page that shows nothing at all without the right. */
export function LacksPage({ action, what }: { action: string; what: string }) {
  return (
    <div className="card">
      <EmptyNote title="Your roles do not allow this">
        <LacksNote action={action} what={what} />
        <p>Ask who gives roles here for one that allows it.</p>
      </EmptyNote>
    </div>
  );
}
