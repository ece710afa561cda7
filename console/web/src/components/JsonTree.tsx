import { ChevronRight12Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { reasonSentence, valueText } from "../lib/evidence";
import { formatCount, plural, shorten } from "../lib/format";
import { countUnread, type UnreadableTree } from "../lib/fieldPaths";

/** Members of one object that are laid out before a person asks for the rest. */
const FIRST = 100;

interface Node {
  name: string;
  value: unknown;
  unread?: UnreadableTree;
  depth: number;
}

/** JSON to open and close, with the fields that could not be read at their places. */
export function JsonTree({ value, unread, openDepth = 1 }: { value: unknown; unread?: UnreadableTree; openDepth?: number }) {
  return (
    <div className="json">
      <Members value={value} unread={unread} depth={0} openDepth={openDepth} />
    </div>
  );
}

const isBranch = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The members that are there, then those that should be but could not be read. */
function membersOf(value: unknown, unread: UnreadableTree | undefined): Omit<Node, "depth">[] {
  const present = isBranch(value) ? Object.entries(value) : [];
  const names = new Set(present.map(([name]) => name));
  const missing = [...(unread?.children ?? [])].filter(([name]) => !names.has(name) && name !== "*");
  return [
    ...present.map(([name, member]) => ({ name, value: member as unknown, unread: unread?.children.get(name) })),
    ...missing.map(([name, below]) => ({ name, value: undefined, unread: below })),
  ];
}

function Members({ value, unread, depth, openDepth }: { value: unknown; unread?: UnreadableTree; depth: number; openDepth: number }) {
  const [limit, setLimit] = useState(FIRST);
  const members = membersOf(value, unread);
  if (members.length === 0) return <span className="muted">(nothing)</span>;
  return (
    <ul>
      {members.slice(0, limit).map((member) => (
        <Member key={member.name} node={{ ...member, depth }} openDepth={openDepth} />
      ))}
      {members.length > limit && (
        <li><button type="button" onClick={() => setLimit(limit * 5)}>Show more of {plural(members.length, "entry", "entries")}</button></li>
      )}
    </ul>
  );
}

function Member({ node, openDepth }: { node: Node; openDepth: number }) {
  const { name, value, unread, depth } = node;
  const [isOpen, setIsOpen] = useState(depth + 1 < openDepth);
  const isMissing = value === undefined;
  const hasBelow = isBranch(value) || (unread?.children.size ?? 0) > 0;
  const key = <span className="key" title={name.length > 120 ? shorten(name) : undefined}>{shorten(name, 120)}</span>;
  if (!hasBelow) {
    return (
      <li>
        {key}: {unread?.reason && isMissing ? <Missing unread={unread} /> : <Atom value={value} />}
      </li>
    );
  }
  const size = isBranch(value) ? plural(Object.keys(value).length, Array.isArray(value) ? "item" : "field") : "not read";
  return (
    <li>
      <button type="button" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        <ChevronRight12Regular aria-hidden /> {key} <span className="muted">{size}</span>
      </button>
      {unread?.reason ? <> <Missing unread={unread} /></> : unread && <span className="missing"> {formatCount(countUnread(unread))} could not be read</span>}
      {isOpen && <Members value={value} unread={unread} depth={depth + 1} openDepth={openDepth} />}
    </li>
  );
}

function Missing({ unread }: { unread: UnreadableTree }) {
  if (!unread.reason) return null;
  const permission = unread.reason.permission;
  return (
    <span className="missing">
      could not be read: {reasonSentence(unread.reason)}
      {permission && <>; missing permission <code>{permission}</code></>}
    </span>
  );
}

function Atom({ value }: { value: unknown }) {
  if (typeof value !== "string") return <span className="atom">{valueText(value)}</span>;
  return <LongText text={value} />;
}

export function LongText({ text, limit = 300 }: { text: string; limit?: number }) {
  const [isWhole, setIsWhole] = useState(false);
  if (text.length <= limit) return <span className="text">{text === "" ? "(empty text)" : text}</span>;
  return (
    <span className="text">
      {isWhole ? text : `${text.slice(0, limit)}…`}{" "}
      <button type="button" className="link-button" onClick={() => setIsWhole(!isWhole)}>
        {isWhole ? "Show less" : `Show all ${plural(text.length, "character")}`}
      </button>
    </span>
  );
}
