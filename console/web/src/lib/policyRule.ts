/** The rule of a policy definition as lines of words, for a person to read. */
import { conditionLine, member, text, valuePiece, type Line } from "./policyCondition";
import { detailLines, effectWords } from "./policyDetails";

export interface RuleText {
  condition: Line;
  effect: Line;
}

/** A rule (`{if, then}`) in words; what it lacks is left out. */
export function ruleText(rule: unknown): RuleText {
  const then = member(rule, "then");
  const effect = member(then, "effect");
  const details = member(then, "details");
  const lines = details === undefined ? [] : detailLines(details);
  const piece = typeof effect === "string" ? valuePiece(effect) : text("no effect is given");
  const words = piece.kind === "text" ? [piece] : piece.kind === "value" ? [text(effectWords(piece.text))] : [text("the effect is"), piece];
  return {
    condition: conditionLine(member(rule, "if")),
    effect: { pieces: words, ...(lines.length > 0 ? { lines } : {}) },
  };
}
