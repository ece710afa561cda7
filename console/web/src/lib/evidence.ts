import type { Actual, Evidence, UnreadableReason } from "../api/types";
import { shorten } from "./format";

/** The server's sentence for a read that failed, as the command line writes it. */
export function reasonSentence(reason: UnreadableReason): string {
  const parts = [reason.code, reason.message].filter(Boolean).join(": ");
  const operation = reason.operation ? `${reason.operation} failed` : "the read failed";
  return parts ? `${operation} (${parts})` : operation;
}

export function actualText(actual: Actual | undefined): string {
  if (actual === undefined) return "";
  if (actual === "absent") return "not set";
  if ("unreadable" in actual) return `could not be read: ${reasonSentence(actual.unreadable)}`;
  return valueText(actual.value);
}

export function valueText(value: unknown): string {
  if (value === "") return "(empty text)";
  return typeof value === "string" ? shorten(value, 2000) : shorten(JSON.stringify(value, null, 1) ?? "not set", 2000);
}

export const readFrom = (evidence: Evidence): string => evidence.readFrom ?? evidence.source ?? "";

/** The permissions whose lack made evidence unreadable, each once. */
export function missingPermissions(permissions: readonly string[] | undefined, evidence: readonly Evidence[] | undefined): string[] {
  const found = new Set(permissions ?? []);
  for (const { actual } of evidence ?? []) {
    if (typeof actual === "object" && "unreadable" in actual && actual.unreadable.permission) found.add(actual.unreadable.permission);
  }
  return [...found];
}
