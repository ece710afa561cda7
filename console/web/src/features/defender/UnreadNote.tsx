import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import type { BesideDefender } from "../../api/defenderTypes";
import { groupUnread, type Unread } from "../../lib/defender";
import { plural, sentence } from "../../lib/format";

/** Subscriptions that are named; beyond, they are counted. */
const MAX_NAMED = 3;

/** What is missing of Defender's answer, with the reason. */
export function UnreadNote({ unread }: { unread: BesideDefender["unread"] }) {
  const groups = groupUnread(unread);
  if (groups.length === 0) return null;
  return (
    <MessageBar intent="warning" layout="multiline" aria-label="Not read">
      <MessageBarBody>
        <MessageBarTitle>Not all of Defender&apos;s answer could be read.</MessageBarTitle>
        What could not be read is not compared.
        <ul className="problems warn" style={{ marginTop: 8 }} aria-label="What could not be read">
          {groups.map((own) => (
            <li key={`${own.part} ${own.reason}`}>
              <span><strong>{own.part}</strong> of <Accounts of={own} /></span>
              <span><bdi>{sentence(own.reason)}</bdi></span>
            </li>
          ))}
        </ul>
      </MessageBarBody>
    </MessageBar>
  );
}

function Accounts({ of: { accounts } }: { of: Unread }) {
  if (accounts.length > MAX_NAMED) return <span title={accounts.slice(0, 50).join("\n")}>{plural(accounts.length, "subscription")}</span>;
  return <>{accounts.map((own, at) => <span key={own}>{at > 0 && ", "}<code>{own}</code></span>)}</>;
}
