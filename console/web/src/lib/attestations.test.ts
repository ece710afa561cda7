import { describe, expect, it } from "vitest";
import { evidenceOf, linksOf, problemsOfAttestation, scopeWords, today } from "./attestations";

const now = new Date(2026, 10, 25, 12);
const draft = { text: "Seen.", links: "", day: "2026-11-25", expires: "" };

describe("an attestation", () => {
  it("needs evidence, a day that has come, and an end that has not", () => {
    expect(problemsOfAttestation(draft, now)).toEqual({});
    expect(Object.keys(problemsOfAttestation({ text: " ", links: "", day: "", expires: "2026-11-25" }, now))).toEqual(["text", "day", "expires"]);
    expect(problemsOfAttestation({ ...draft, text: "", links: "https://wiki.example/a" }, now)).toEqual({});
    expect(problemsOfAttestation({ ...draft, day: "2026-11-26" }, now).day).toBeDefined();
  });
  it("takes https links only, one a line", () => {
    expect(linksOf("https://a.example/x?y#z\n\n javascript:alert(1)\nhttp://b\nhttps://")).toEqual({ links: ["https://a.example/x?y#z"], wrong: ["javascript:alert(1)", "http://b", "https://"] });
    expect(problemsOfAttestation({ ...draft, links: "http://b" }, now).links).toContain("http://b");
    expect(evidenceOf({ ...draft, links: "https://a.example\n" })).toEqual({ text: "Seen.", links: ["https://a.example"] });
  });
  it("says for whom it holds", () => {
    expect([scopeWords({ kind: "tenant" }), scopeWords({ kind: "subscription", connector: "c", account: "1" })]).toEqual(["Whole installation", "Account 1 of c"]);
    expect(today(now)).toBe("2026-11-25");
  });
});
