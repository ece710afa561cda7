import { plural, sentence } from "./format";

export type SignInStep = "password" | "code";

export interface SignInState {
  step: SignInStep;
  /** What is wrong, as a sentence. */
  problem?: string;
  /** Milliseconds since 1970 before which no attempt is taken. */
  retryAt?: number;
}

export interface Refusal {
  status: number;
  code: string;
  message: string;
  retryAfter?: number;
}

export const START: SignInState = { step: "password" };

/** What a refused attempt leads to. */
export function afterRefusal(state: SignInState, refusal: Refusal, now: number): SignInState {
  if (refusal.code === "CodeRequired") return { step: "code" };
  if (refusal.code === "SignInFailed") return { step: state.step, problem: state.step === "code" ? WRONG_CODE : WRONG_PASSWORD };
  if (refusal.status === 429) {
    const retryAt = refusal.retryAfter === undefined ? undefined : now + refusal.retryAfter * 1000;
    return { step: state.step, problem: TOO_MANY, retryAt };
  }
  return { step: state.step, problem: sentence(refusal.message) };
}

const WRONG_PASSWORD = "The name or the password is wrong.";
const WRONG_CODE = "The code is wrong or was used already. Wait for the next one, or use a recovery code.";
const TOO_MANY = "There were too many attempts.";

/** Whole seconds until another attempt is taken; 0 where it is now. */
export function secondsLeft(state: SignInState, now: number): number {
  return state.retryAt === undefined ? 0 : Math.max(0, Math.ceil((state.retryAt - now) / 1000));
}

/** `1 minute 5 seconds`. */
export function waitText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  if (minutes === 0) return plural(rest, "second");
  return rest === 0 ? plural(minutes, "minute") : `${plural(minutes, "minute")} ${plural(rest, "second")}`;
}

/** A 401 that is about what was typed leaves the session as it is. */
const ABOUT_WHAT_WAS_TYPED = new Set(["SignInFailed", "CodeRequired", "InvitationSpent"]);

export const isEndOfSession = ({ status, code }: Pick<Refusal, "status" | "code">): boolean => status === 401 && !ABOUT_WHAT_WAS_TYPED.has(code);
