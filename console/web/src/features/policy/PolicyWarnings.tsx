import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useState } from "react";
import { Link } from "react-router";
import type { PolicyOverview } from "../../api/policyTypes";
import { plural, sentence } from "../../lib/format";
import { assignmentPath, objectTitle } from "../../lib/policy";

/** Warnings that are laid out before a person asks for the rest. */
const FIRST = 20;

/** What is in the store and yet not in force, with its reason. */
export function PolicyWarnings({ overview }: { overview: PolicyOverview }) {
  const [isOpen, setIsOpen] = useState(false);
  const [limit, setLimit] = useState(FIRST);
  const { refused, unlinked } = overview;
  const n = refused.length + unlinked.length;
  if (n === 0) return null;
  const names = new Map(overview.assignments.map((row) => [row.id.toLowerCase(), row.displayName]));
  const parts = [refused.length > 0 && `${plural(refused.length, "object")} can't be read`, unlinked.length > 0 && `${plural(unlinked.length, "mistake")} keep definitions of assignments from being in force`];
  return (
    <MessageBar intent="warning" layout="multiline" aria-label="Not in force">
      <MessageBarBody>
        <MessageBarTitle>Not everything is in force.</MessageBarTitle>
        {parts.filter(Boolean).join("; ")}.{" "}
        <button type="button" className="link-button" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>{isOpen ? "Hide" : "Show what and why"}</button>
        {isOpen && (
          <ul className="problems warn" style={{ marginTop: 8 }} aria-label="What is not in force">
            {refused.slice(0, limit).map((own) => (
              <li key={own.id}><code>{own.id}</code>{own.messages.map((message) => <span key={message}>{sentence(message)}</span>)}</li>
            ))}
            {unlinked.slice(0, Math.max(0, limit - refused.length)).map((own, at) => (
              <li key={`${at} ${own.assignment}`}>
                <span><Link to={assignmentPath(own.assignment)}>{objectTitle(names.get(own.assignment.toLowerCase()), own.assignment)}</Link>{own.reference && <>: <code>{own.reference}</code></>}</span>
                <span>{sentence(own.message)}</span>
              </li>
            ))}
            {n > limit && <li><button type="button" className="link-button" onClick={() => setLimit(limit * 5)}>Show more of {n}</button></li>}
          </ul>
        )}
      </MessageBarBody>
    </MessageBar>
  );
}
