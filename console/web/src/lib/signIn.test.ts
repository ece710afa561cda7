import { describe, expect, it } from "vitest";
import { isGoodPassword, passwordRules } from "./password";
import { isOutside, returnPath, signInPath } from "./returnPath";
import { afterRefusal, isEndOfSession, secondsLeft, START, waitText } from "./signIn";

const NOW = 1_000_000;
const refusal = (status: number, code: string, more: { message?: string; retryAfter?: number } = {}) => ({ status, code, message: "the server said so", ...more });

describe("the way back after signing in", () => {
  it("leads to any place of the console, with its filters", () => {
    for (const place of ["/", "/audit", "/inventory?q=a%20b&status=Unhealthy", "/connectors?permissions=x#missing", "/recommendations/cis-aws-5.0", "/inventory/resource?id=%2F%2Fnot-a-host"]) {
      expect(returnPath(place)).toBe(place);
    }
  });
  it("never leads to another server", () => {
    const hostile = [
      "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n//evil.example", "javascript:alert(1)", "data:text/html,x",
      "http:evil.example", " //evil.example", "/..//evil.example", "/.//evil.example", "evil.example", "", "/\u0000/evil.example",
    ];
    for (const text of hostile) expect([text, returnPath(text)]).toEqual([text, "/"]);
    expect([returnPath(null), returnPath(undefined)]).toEqual(["/", "/"]);
  });
  it("does not go round in circles", () => {
    expect(["/sign-in", "/sign-in?return=/audit", "/sign-in/corp", "/set-up", "/set-password?code=x", "/login?token=x"].map(returnPath)).toEqual(["/", "/", "/", "/", "/", "/"]);
    expect(isOutside("/sign-ins")).toBe(false);
  });
  it("is written into the address of the sign-in page, and read back the same", () => {
    const place = { pathname: "/inventory", search: "?q=a&status=Unhealthy", hash: "#x" };
    const address = new URL(signInPath(place), "https://console.example");
    expect(returnPath(address.searchParams.get("return"))).toBe("/inventory?q=a&status=Unhealthy#x");
    expect(signInPath({ pathname: "/", search: "", hash: "" })).toBe("/sign-in");
  });
});

describe("signing in", () => {
  it("asks for a code once the password is right, and stays there when the code is wrong", () => {
    const asked = afterRefusal(START, refusal(401, "CodeRequired"), NOW);
    expect(asked).toEqual({ step: "code" });
    const wrong = afterRefusal(asked, refusal(401, "SignInFailed"), NOW);
    expect(wrong.step).toBe("code");
    expect(wrong.problem).toContain("recovery code");
  });
  it("does not tell a wrong name from a wrong password", () => {
    expect(afterRefusal(START, refusal(401, "SignInFailed", { message: "no such user" }), NOW)).toEqual({ step: "password", problem: "The name or the password is wrong." });
  });
  it("waits as long as the server says, and no longer", () => {
    const locked = afterRefusal(START, refusal(429, "TooManyAttempts", { retryAfter: 65 }), NOW);
    expect([0, 1, 64_001, 65_000, 99_000].map((passed) => secondsLeft(locked, NOW + passed))).toEqual([65, 65, 1, 0, 0]);
    const unsaid = afterRefusal(START, refusal(429, "TooManyAttempts"), NOW);
    expect([unsaid.problem, secondsLeft(unsaid, NOW)]).toEqual(["There were too many attempts.", 0]);
    expect(secondsLeft(afterRefusal(locked, refusal(401, "SignInFailed"), NOW), NOW)).toBe(0);
  });
  it("tells any other refusal in the server's words", () => {
    expect(afterRefusal(START, refusal(0, "Unreachable"), NOW).problem).toBe("The server said so.");
  });
  it("tells times in words", () => {
    expect([1, 59, 60, 61, 125].map(waitText)).toEqual(["1 second", "59 seconds", "1 minute", "1 minute 1 second", "2 minutes 5 seconds"]);
  });
});

describe("the end of a session", () => {
  it("is a 401, but for one about what was typed", () => {
    expect(isEndOfSession(refusal(401, "AuthenticationFailed"))).toBe(true);
    expect(["SignInFailed", "CodeRequired", "InvitationSpent"].map((code) => isEndOfSession(refusal(401, code)))).toEqual([false, false, false]);
    expect(isEndOfSession(refusal(403, "AuthorizationFailed"))).toBe(false);
  });
});

describe("a password", () => {
  const met = (password: string, name: string, again = password) => passwordRules(password, name, again).filter((rule) => rule.isMet).map((rule) => rule.key);
  it("has twelve characters, letters of any script counting once", () => {
    expect(met("elevenchars", "ada")).not.toContain("length");
    expect(met("twelve chars", "ada")).toContain("length");
    expect(met("🔑🔑🔑🔑🔑🔑", "ada")).not.toContain("length");
    expect(passwordRules("elevenchars", "", "")[0]?.text).toBe("At least 12 characters, 1 more");
  });
  it("is not the name, in whatever case", () => {
    expect(isGoodPassword("Administrator", "administrator", "Administrator")).toBe(false);
    expect(isGoodPassword("Administrator", "", "Administrator")).toBe(true);
  });
  it("of an account whose name is not known is not said to differ from it", () => {
    expect(passwordRules("correct horse", undefined, "").map((rule) => rule.key)).toEqual(["length", "same"]);
  });
  it("is typed the same twice", () => {
    expect(isGoodPassword("correct horse battery", "ada", "correct horse batter")).toBe(false);
    expect(isGoodPassword("correct horse battery", "ada", "correct horse battery")).toBe(true);
  });
  it("meets nothing while it is empty", () => {
    expect(met("", "")).toEqual([]);
  });
});
