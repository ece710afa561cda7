import { describe, expect, it } from "vitest";
import type { CheckRow, StandardFile } from "../api/standardTypes";
import { draftOf, fileOf, findChecks, newControl, newDraft, newSection, nextId, problemsOf, yamlOf } from "./standardDraft";

const file: StandardFile = {
  id: "house", title: "House rules", description: "Ours.", version: "1", environments: ["aws"],
  controls: [
    { id: "0", title: "Alone", checks: ["bucket-private"] },
    { id: "1", title: "People", controls: [{ id: "1.1", title: "Leavers", manual: "Compare." }, { id: "1.2", title: "Nobody looks" }] },
  ],
};

describe("a draft", () => {
  it("is the file that it came from", () => {
    const draft = draftOf(file);
    expect(draft && fileOf(draft)).toEqual(file);
  });
  it("is not made of what the form cannot show", () => {
    const section = file.controls[1];
    expect(section).toBeDefined();
    if (!section) return;
    expect(draftOf({ ...file, controls: [{ ...section, controls: [section] }] })).toBeUndefined();
    expect(draftOf({ ...file, controls: [{ ...section, checks: ["x"] }] })).toBeUndefined();
    expect(draftOf({ ...file, controls: [section, { id: "9", title: "after it" }] })).toBeUndefined();
  });
  it("says what is missing, and where", () => {
    expect([...problemsOf(newDraft()).keys()].filter((key) => typeof key === "string")).toEqual(["id", "title"]);
    const draft = draftOf(file);
    if (!draft) throw new Error("no draft");
    expect(problemsOf(draft).size).toBe(0);
    const twice = { ...newControl("0"), title: "Again" };
    const manual = { ...newControl("7"), title: "By hand", answer: "manual" as const };
    const empty = { ...newSection("8"), title: "Empty", controls: [] };
    const problems = problemsOf({ ...draft, id: "a b", controls: [...draft.controls, twice, manual], sections: [...draft.sections, empty] });
    expect([...problems.keys()]).toEqual(["id", twice.key, manual.key, empty.key]);
    expect(problemsOf({ ...draft, controls: [], sections: [] }).has("controls")).toBe(true);
  });
  it("numbers its rows on", () => {
    expect([nextId("", []), nextId("", ["1", "2"]), nextId("1", ["1.1", "1.4"]), nextId("", ["NS-1"])]).toEqual(["1", "3", "1.5", ""]);
  });
  it("goes on as YAML", () => {
    expect(yamlOf(file)).toBe([
      'id: "house"', 'title: "House rules"', 'description: "Ours."', 'version: "1"', 'environments: ["aws"]', "controls:",
      '  - id: "0"', '    title: "Alone"', '    checks: ["bucket-private"]', '  - id: "1"', '    title: "People"', "    controls:",
      '      - id: "1.1"', '        title: "Leavers"', '        manual: "Compare."', '      - id: "1.2"', '        title: "Nobody looks"', "",
    ].join("\n"));
  });
});

describe("checks", () => {
  const check = (id: string, title: string): CheckRow => ({ id, title, severity: "High", type: "AWS::S3::Bucket", kind: "recommendation" });
  const all = [check("a", "Buckets are private"), check("b", "Buckets are encrypted"), check("c", "Keys rotate")];
  it("are found by words in any order, without those that are chosen", () => {
    expect(findChecks(all, "private  BUCKETS", [], 9).map((one) => one.id)).toEqual(["a"]);
    expect(findChecks(all, "bucket", ["a"], 9).map((one) => one.id)).toEqual(["b", "c"]);
    expect(findChecks(all, "", [], 2)).toHaveLength(2);
  });
});
