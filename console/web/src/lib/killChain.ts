import { words } from "./format";

/** The steps of Defender's kill chain as an attack goes on; the engine orders them alike. */
export const INTENTS = [
  "Unknown", "PreAttack", "Probing", "InitialAccess", "Exploitation", "Execution", "Persistence", "PrivilegeEscalation", "DefenseEvasion", "CredentialAccess", "Discovery",
  "LateralMovement", "Collection", "CommandAndControl", "Exfiltration", "Impact",
] as const;

/** ATT&CK has no word for the others. */
const TACTICS: Record<string, string> = {
  InitialAccess: "TA0001", Execution: "TA0002", Persistence: "TA0003", PrivilegeEscalation: "TA0004", DefenseEvasion: "TA0005", CredentialAccess: "TA0006", Discovery: "TA0007",
  LateralMovement: "TA0008", Collection: "TA0009", Exfiltration: "TA0010", CommandAndControl: "TA0011", Impact: "TA0040",
};

export const intentTitle = (intent: string): string => (intent === "PreAttack" ? "Before the attack" : words(intent));

const place = (intent: string): number => {
  const at = INTENTS.findIndex((own) => own === intent);
  return at < 0 ? INTENTS.length : at;
};

/** In the order of an attack, each once; what is not known here comes last. */
export const inOrder = (intents: readonly string[]): string[] => [...new Set(intents)].sort((a, b) => place(a) - place(b) || a.localeCompare(b));

/** `undefined` for a step that ATT&CK does not have. */
export const tacticAddress = (intent: string): string | undefined => (TACTICS[intent] ? `https://attack.mitre.org/tactics/${TACTICS[intent]}/` : undefined);

/** `undefined` for what is no id of a technique. */
export function techniqueAddress(id: string): string | undefined {
  const match = /^(T\d{4})(?:\.(\d{3}))?$/.exec(id.toUpperCase());
  return match ? `https://attack.mitre.org/techniques/${match[1]}/${match[2] ? `${match[2]}/` : ""}` : undefined;
}
