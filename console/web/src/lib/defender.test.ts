import { describe, expect, it } from "vitest";
import type { Compared } from "../api/defenderTypes";
import { adoptCommand, agreementOf, besidePath, filterCompared, groupUnread, whyTexts } from "./defender";

const row = (key: string, changes: Partial<Compared> = {}): Compared => ({
  key, title: `About ${key}`, ours: [`azure-${key}`], matchedBy: "key", same: 0, resources: 0, agreement: 0, why: {}, differences: [], ...changes,
});

describe("why verdicts differ", () => {
  it("is told in words, the most frequent first", () => {
    expect(whyTexts({ unhealthyThere: 1, notInTheirs: 12 })).toEqual(["12 judged only here", "1 unhealthy only at Defender"]);
    expect(whyTexts({})).toEqual([]);
  });
});

describe("the agreement", () => {
  it("tells contradictions from what is unknown or judged by one only", () => {
    const rows = [
      row("a", { same: 2, resources: 6, why: { unhealthyThere: 1, unhealthyHere: 1, oursUnknown: 2 } }),
      row("b", { same: 1, resources: 4, why: { notInTheirs: 1, notInOurs: 1, theirsNotApplicable: 1 } }),
    ];
    const { same, resources, shares } = agreementOf(rows);
    expect([same, resources, shares.map((share) => share.count)]).toEqual([3, 10, [3, 2, 2, 3]]);
  });
  it("counts nothing where nothing is compared", () => {
    expect(agreementOf([])).toMatchObject({ same: 0, resources: 0 });
  });
});

describe("compared recommendations", () => {
  const resource = "/subscriptions/s/resourcegroups/rg-web/providers/microsoft.compute/virtualmachines/vm-1";
  const rows = [
    row("one", { same: 1, resources: 2, why: { notInTheirs: 1 }, differences: [{ resource, ours: "Healthy", why: "notInTheirs" }] }),
    row("two", { same: 2, resources: 2 }),
    row("none"),
  ];
  const found = (q: string, isDifferent = false) => filterCompared(rows, { q, isDifferent }, (id) => (id === "azure-two" ? "Disks are encrypted" : id)).map((own) => own.key);
  it("are found by title, key, our titles and ids, and the resources that differ", () => {
    expect([found("about ONE"), found("azure-two"), found("disks"), found("vm-1"), found("nothing")]).toEqual([["one"], ["two"], ["two"], ["one"], []]);
  });
  it("can be only those that differ, in the order that they came in", () => {
    expect([found("", true), found("two", true), found(" ")]).toEqual([["one"], [], ["one", "two", "none"]]);
  });
});

describe("what could not be read", () => {
  it("is told once for subscriptions that share the reason", () => {
    const groups = groupUnread({ a: { score: "refused", assessments: "refused" }, b: { score: "refused" }, c: { score: "timed out", other: "refused" } });
    expect(groups.map(({ part, reason, accounts }) => [part, reason, accounts])).toEqual([
      ["Secure score", "refused", ["a", "b"]], ["Assessments", "refused", ["a"]], ["Secure score", "timed out", ["c"]], ["other", "refused", ["c"]],
    ]);
    expect(groupUnread({})).toEqual([]);
  });
});

describe("the command that asks", () => {
  it("names the connector so that a shell takes it as one word", () => {
    expect(adoptCommand("azure-7f3b.x")).toBe("skywarden adopt azure --connector azure-7f3b.x");
    expect(adoptCommand("it's; ls")).toBe("skywarden adopt azure --connector='it'\\''s; ls'");
  });
});

describe("the page", () => {
  it("is one of the connector, whatever its name", () => {
    expect(besidePath("a/b")).toBe("/connectors/a%2Fb/defender");
  });
});
