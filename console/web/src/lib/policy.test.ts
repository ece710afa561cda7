import { describe, expect, it } from "vitest";
import type { Setting } from "../api/policyTypes";
import { byNeed, compliantSentence, filterSettings, groupSettings, hasEnded, objectsText, offsetOf, originWords, scopeTitle, sharesOfStates } from "./policy";
import { crc32, isZip, packFiles } from "./zip";

const setting = (more: Partial<Setting>): Setting => ({ reference: "", definitionId: "/d", groups: [], someResources: [], parameters: {}, counts: {}, ...more });

describe("compliance", () => {
  it("tells what Azure counts as compliant, and what could not be read", () => {
    expect(compliantSentence({ counts: {}, compliant: null })).toBe("No resource is concerned yet.");
    expect(compliantSentence({ counts: { Compliant: 1, NonCompliant: 1 }, compliant: 0.5 })).toBe("50.0% of 2 resources.");
    const mixed = { counts: { Compliant: 1, Exempt: 2, Unknown: 1, Unread: 1 }, compliant: 0.8 };
    expect(compliantSentence(mixed)).toBe("80.0% of 5 resources, counting 2 exempt and 1 not attested yet as Azure does. 1 resource could not be read and counts as not compliant.");
  });
  it("counts what is protected neither way", () => {
    expect(compliantSentence({ counts: { Protected: 2 }, compliant: null })).toBe("2 resources only protected, which counts neither way.");
    expect(compliantSentence({ counts: { Compliant: 1, Protected: 1 }, compliant: 1 })).toBe("100.0% of 1 resource. 1 resource only protected, which counts neither way.");
  });
  it("gives what could not be read its own word and colour", () => {
    const unread = sharesOfStates({ Unread: 3 }).find((share) => share.count > 0);
    expect(unread).toEqual({ name: "Unknown", label: "Could not be read", count: 3 });
  });
  it("puts what has most to do first", () => {
    const row = (name: string, counts: object) => ({ displayName: name, counts }) as Parameters<typeof byNeed>[0];
    expect([row("b", {}), row("a", {}), row("c", { Unread: 1 }), row("d", { NonCompliant: 1 })].sort(byNeed).map((one) => one.displayName)).toEqual(["d", "c", "a", "b"]);
  });
});

describe("settings", () => {
  it("stand below each of their groups, those of none last", () => {
    const both = setting({ reference: "both", groups: ["x", "y"] });
    const none = setting({ reference: "none", groups: ["gone"] });
    const groups = [{ name: "x", displayName: "X", category: "" }, { name: "y", displayName: "", category: "" }, { name: "z", displayName: "Z", category: "" }];
    expect(groupSettings([both, none], groups).map((group) => [group.title, group.settings.map((own) => own.reference)])).toEqual([["X", ["both"]], ["y", ["both"]], ["In no group", ["none"]]]);
    expect(groupSettings([none], [])[0]?.title).toBe("");
  });
  it("are found by text and by what is the matter", () => {
    const all = [setting({ displayName: "Buckets", counts: { NonCompliant: 1 } }), setting({ problem: "gone" }), setting({ notEvaluated: "elsewhere" }), setting({ effect: "disabled" })];
    expect(filterSettings(all, "BUCK", "")).toEqual([all[0]]);
    expect(["NonCompliant", "problem", "notEvaluated", "off", "Unread"].map((filter) => filterSettings(all, "", filter).length)).toEqual([1, 1, 1, 1, 0]);
  });
});

describe("words", () => {
  it("of scopes, origins and objects", () => {
    expect([scopeTitle({ id: "/" }), scopeTitle({ id: "/subscriptions/1" }), scopeTitle({ id: "/subscriptions/1", name: "One" })]).toEqual(["Tenant", "1", "One"]);
    expect(originWords("definitionDefault")).toBe("default of the definition");
    expect(objectsText({ assignment: 1, definition: 2, initiative: 0 })).toBe("2 definitions, 1 assignment");
  });
  it("of what has ended", () => {
    expect(hasEnded(undefined)).toBe(false);
    expect(hasEnded("2020-01-01T00:00:00Z")).toBe(true);
  });
});

describe("places in a text", () => {
  it("are found by line and column, within the line", () => {
    const text = "ab\ncdef\ng";
    expect([offsetOf(text, 1, 1), offsetOf(text, 2, 3), offsetOf(text, 1, 9), offsetOf(text, 3, 1), offsetOf(text, 9, 1)]).toEqual([0, 5, 2, 8, 9]);
  });
});

describe("zip archives", () => {
  it("carry files as they are", () => {
    const bytes = new TextEncoder().encode("123456789");
    expect(crc32(bytes)).toBe(0xcbf43926);
    const archive = packFiles([{ name: "a.json", bytes }, { name: "é.yaml", bytes: new Uint8Array() }]);
    expect(isZip(archive)).toBe(true);
    expect(archive.length).toBe(30 + 6 + 9 + 30 + 7 + 46 + 6 + 46 + 7 + 22);
  });
});
