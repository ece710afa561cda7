import type { Attestation, AttestationScope, NewAttestation } from "../api/standardTypes";

const pad = (number: number): string => String(number).padStart(2, "0");

/** Today where the user is, as a date field takes it. */
export const today = (now = new Date()): string => `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;

/** Links, one a line; those that are no https address are told apart. */
export function linksOf(text: string): { links: string[]; wrong: string[] } {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const isLink = (line: string) => /^https:\/\/[^\s/?#]+\S*$/.test(line);
  return { links: lines.filter(isLink), wrong: lines.filter((line) => !isLink(line)) };
}

export interface AttestationDraft {
  text: string;
  links: string;
  day: string;
  expires: string;
}

/** What is missing or wrong, by field. */
export function problemsOfAttestation(draft: AttestationDraft, now = new Date()): Partial<Record<keyof AttestationDraft, string>> {
  const { links, wrong } = linksOf(draft.links);
  return {
    ...(draft.text.trim() || links.length > 0 ? {} : { text: "Say what was seen, or link to it." }),
    ...(wrong.length > 0 ? { links: `No https address: ${wrong[0]}` } : {}),
    ...(!draft.day ? { day: "Give the day on which somebody looked." } : draft.day > today(now) ? { day: "Give a day that has come." } : {}),
    ...(draft.expires && draft.expires <= today(now) ? { expires: "Choose a day from tomorrow on." } : {}),
  };
}

export function scopeWords(scope: AttestationScope): string {
  return scope.kind === "tenant" ? "Whole installation" : `Account ${scope.account} of ${scope.connector}`;
}

/** A day at noon: whatever the time zone, it stays that day. */
export const dayOf = (day: string): string => `${day}T12:00:00`;

export type AttestationBody = Omit<NewAttestation, "control">;

/** Whether a link may be followed: what the server keeps is https, and nothing else is made a link of. */
export const isSafeLink = (link: string): boolean => link.startsWith("https://");

export const evidenceOf = ({ text, links }: AttestationDraft): Attestation["evidence"] => ({ text: text.trim(), links: linksOf(links).links });
