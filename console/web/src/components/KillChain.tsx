import { INTENTS, intentTitle } from "../lib/killChain";

/** The steps of an attack in their order, with those that were seen lit. */
export function KillChain({ intents }: { intents: readonly string[] }) {
  const lit = new Set(intents);
  // "Unknown" is no step: it is told only where it is all that is known.
  const steps = INTENTS.filter((intent) => intent !== "Unknown" || lit.has(intent));
  return (
    <ol className="kill-chain" aria-label="Kill chain">
      {steps.map((intent) => (
        <li key={intent} data-lit={lit.has(intent) || undefined} aria-current={lit.has(intent) ? "step" : undefined}>
          {intentTitle(intent)}{lit.has(intent) && <span className="visually-hidden">: seen</span>}
        </li>
      ))}
    </ol>
  );
}
