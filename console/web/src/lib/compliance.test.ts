import { describe, expect, it } from "vitest";
import type { ComplianceControl } from "../api/complianceTypes";
import { countLeaves, filterControls, passedSentence, reportAddress, totalOf } from "./compliance";
import { formatPercent } from "./format";
import { scopeChoices, scopeOf, scopeValue } from "./scope";

describe("controls of a standard", () => {
  const control = (id: string, changes: Partial<ComplianceControl> = {}): ComplianceControl => ({ id, title: `About ${id}`, state: "Passed", attested: false, passed: 0, failed: 0, unknown: 0, notApplicable: 0, ...changes });
  const tree = [control("1", { state: "Failed", controls: [control("1.1", { state: "Failed" }), control("1.2")] }), control("2")];
  it("keep what is above a match", () => {
    const kept = filterControls(tree, "", "Failed");
    expect(kept.map((one) => [one.id, one.controls?.map((child) => child.id)])).toEqual([["1", ["1.1"]]]);
  });
  it("are found by the titles of their checks", () => {
    const kept = filterControls([control("3", { checks: ["x"] }), control("4", { checks: ["y"] })], "bucket", "", (id) => (id === "x" ? "Buckets are closed" : ""));
    expect(kept.map((one) => one.id)).toEqual(["3"]);
  });
  it("are counted at the lowest level", () => {
    const counts = countLeaves(tree);
    expect([counts, totalOf(counts)]).toEqual([{ Failed: 1, Passed: 2 }, 3]);
  });
  it("keep all below a control that is named", () => {
    expect(filterControls(tree, "about 1", "")[0]?.controls).toHaveLength(2);
    expect(filterControls(tree, "about 1.2", "").map((one) => one.controls?.map((child) => child.id))).toEqual([["1.2"]]);
  });
});

describe("the percentage", () => {
  it("says what is unknown apart from what was judged", () => {
    const text = passedSentence({ percentage: 0.75, controlsByState: { Passed: 3, Failed: 1, Unknown: 2 } });
    expect(text).toBe(`${formatPercent(0.75)} passed: 3 of 4 judged controls; 2 more could not be judged`);
  });
  it("is none where nothing was judged", () => {
    expect(passedSentence({ percentage: null, controlsByState: { Unknown: 2 } })).toContain("Nothing could be judged");
    expect(passedSentence({ controlsByState: { Manual: 2 } })).toBe("Nothing to judge here");
  });
});

describe("the scope", () => {
  it("comes back from its text whatever the names are", () => {
    const scope = { connector: `a"|,b`, account: "<img>" };
    expect(scopeOf(scopeValue(scope))).toEqual(scope);
    expect([scopeValue({}), scopeOf("")]).toEqual(["", {}]);
  });
  it("offers accounts only where a connector has several, and nothing that was never assessed", () => {
    const connector = (id: string) => ({ id, displayName: id.toUpperCase(), environment: "Aws", sample: false });
    const at = (id: string, account: string) => ({ connector: id, account, name: { 2: "Shop", 4: "Twin", 5: "Twin" }[account] ?? null, at: "", score: { current: 0, max: 0, percentage: 0, weight: 0, coverage: 0, range: [0, 0] as [number, number] } });
    const choices = scopeChoices({ connectors: [connector("a"), connector("b"), connector("c")], subscriptions: [at("a", "1"), ...["2", "3", "4", "5"].map((account) => at("b", account))] });
    expect(choices.map((choice) => choice.label)).toEqual(["A", "B", "B: Shop", "B: 3", "B: Twin (4)", "B: Twin (5)"]);
  });
  it("is part of the address of a report", () => {
    expect(reportAddress("cis/x", { connector: "a&b" }, "csv")).toBe("/api/v1/compliance/cis%2Fx/report?format=csv&connector=a%26b");
  });
});
