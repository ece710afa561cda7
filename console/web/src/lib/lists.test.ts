import { describe, expect, it } from "vitest";
import { address } from "../api/client";
import type { CoverageItem, Finding, UnreadableReason } from "../api/types";
import { filterCoverage, permissionsOf } from "./coverage";
import { actualText, missingPermissions } from "./evidence";
import { countUnread, splitPath, unreadableTree } from "./fieldPaths";
import { countByStatus, filterFindings } from "./findings";
import { plural, sentence, words } from "./format";
import { back, cursorOf, forward, shownRows, START } from "./paging";

const DENIED: UnreadableReason = { kind: "denied", operation: "GetBucketPolicy", permission: "s3:GetBucketPolicy", code: "AccessDenied", message: "not authorized" };

describe("paging", () => {
  it("goes forward by cursors and back the same way", () => {
    const second = forward(START, "x");
    const third = forward(second, "y");
    expect([cursorOf(START), cursorOf(second), cursorOf(third), cursorOf(back(third))]).toEqual([undefined, "x", "y", "x"]);
    expect(cursorOf(back(START))).toBeUndefined();
  });
  it("counts the rows shown", () => {
    expect(shownRows(forward(START, "x"), 50, 7)).toEqual({ first: 51, last: 57 });
    expect(shownRows(START, 50, 0)).toBeUndefined();
  });
});

describe("addresses", () => {
  it("carry any id whole and leave out what is empty", () => {
    expect(address("/resource", { id: `arn:a b&c=<img src=x>`, q: "", cursor: undefined })).toBe("/api/v1/resource?id=arn%3Aa+b%26c%3D%3Cimg+src%3Dx%3E");
  });
});

describe("findings", () => {
  const finding = (id: string, status: Finding["status"], severity: Finding["severity"] = "Low"): Finding => ({ id, title: id, status, severity });
  const list = [finding("sshd", "Healthy"), finding("cron", "Unhealthy"), finding("boot", "Unhealthy", "High"), finding("disk", "Unknown")];
  it("come worst first, the gravest before the others", () => {
    expect(filterFindings(list, "", "").map((one) => one.id)).toEqual(["boot", "cron", "disk", "sshd"]);
  });
  it("are filtered by text and status", () => {
    expect(filterFindings(list, "CR", "Unhealthy").map((one) => one.id)).toEqual(["cron"]);
    expect(countByStatus(list)).toEqual({ Unhealthy: 2, Unknown: 1, Healthy: 1, NotApplicable: 0 });
  });
});

describe("evidence", () => {
  it("tells absent, empty, null and unreadable apart", () => {
    expect(actualText("absent")).toBe("not set");
    expect(actualText({ value: "" })).toBe("(empty text)");
    expect(actualText({ value: null })).toBe("null");
    expect(actualText({ value: false })).toBe("false");
    expect(actualText({ unreadable: DENIED })).toContain("could not be read: GetBucketPolicy failed (AccessDenied");
  });
  it("names each missing permission once", () => {
    expect(missingPermissions(["s3:GetBucketPolicy"], [{ field: "f", expected: "exists", actual: { unreadable: DENIED } }])).toEqual(["s3:GetBucketPolicy"]);
  });
});

describe("fields that could not be read", () => {
  it("are found in paths with keys and positions", () => {
    expect(splitPath("properties.files['/etc/cron.daily'].modes[0].x")).toEqual(["properties", "files", "/etc/cron.daily", "modes", "0", "x"]);
  });
  it("stand at their places in the tree", () => {
    const tree = unreadableTree([{ field: "properties.a.b", reason: DENIED }]);
    expect(tree.children.get("properties")?.children.get("a")?.children.get("b")?.reason).toBe(DENIED);
    expect(countUnread(tree)).toBe(1);
  });
});

describe("coverage", () => {
  const item = (type: string, state: CoverageItem["outcome"]["state"], extra: Partial<CoverageItem> = {}): CoverageItem => ({ type, account: "1", region: "r", outcome: { state }, ...extra });
  const denied = item("D", "complete", { denied: [{ fields: ["a"], nResources: 1, reason: DENIED }] });
  it("comes worst first", () => {
    expect(filterCoverage([item("A", "complete"), item("B", "skipped"), denied, item("C", "failed")], {}).map((one) => one.type)).toEqual(["C", "D", "B", "A"]);
  });
  it("is found by a missing permission", () => {
    expect(filterCoverage([item("A", "complete"), denied], { q: "getbucketpolicy" })).toEqual([denied]);
    expect(permissionsOf(denied)).toEqual(["s3:GetBucketPolicy"]);
  });
});

describe("words", () => {
  it("are made of names", () => {
    expect([words("NotApplicable"), words("dataExfiltration"), words("does-not-apply")]).toEqual(["Not applicable", "Data exfiltration", "Does not apply"]);
    expect([plural(1, "check"), plural(2, "check"), plural(0, "entry", "entries")]).toEqual(["1 check", "2 checks", "0 entries"]);
  });
  it("become sentences, but names of fields keep their letters", () => {
    expect([sentence("not found"), sentence("Done."), sentence("properties.a: could not be read")]).toEqual(["Not found.", "Done.", "properties.a: could not be read."]);
  });
});
