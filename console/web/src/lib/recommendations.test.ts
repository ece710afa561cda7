import { describe, expect, it } from "vitest";
import type { RecommendationRow } from "../api/types";
import { filterRecommendations, groupRecommendations, HAS_UNKNOWN, optionsOf, sortRecommendations, worstStatus } from "./recommendations";

const row = (id: string, changes: Partial<RecommendationRow> = {}): RecommendationRow => ({
  id, key: id, title: `Title of ${id}`, type: "AWS::S3::Bucket", severity: "Medium", effort: "Low", userImpact: "Low", maturity: "stable",
  control: "data", controlTitle: "Protect data", environment: "Aws", sample: false, healthy: 1, unhealthy: 0, unknown: 0, notApplicable: 0, ...changes,
});

const ids = (rows: readonly RecommendationRow[]) => rows.map((one) => one.id);

describe("the status of a recommendation", () => {
  it("is the worst of its verdicts", () => {
    expect(worstStatus({ healthy: 5, unhealthy: 1, unknown: 9 })).toBe("Unhealthy");
    expect(worstStatus({ healthy: 5, unhealthy: 0, unknown: 1 })).toBe("Unknown");
    expect(worstStatus({ healthy: 5, unhealthy: 0, unknown: 0 })).toBe("Healthy");
  });
  it("is never Healthy where nothing was judged", () => {
    expect(worstStatus({ healthy: 0, unhealthy: 0, unknown: 0 })).toBe("NotApplicable");
  });
});

describe("filters", () => {
  const rows = [
    row("bucket-public", { severity: "High", unhealthy: 2 }),
    row("mixed", { unhealthy: 1, unknown: 3 }),
    row("machine", { type: "Skywarden.Host/machines", environment: "OnPremise", control: "host", unknown: 1 }),
  ];
  it("find text without regard to case in title, id and type", () => {
    expect(ids(filterRecommendations(rows, { q: " SKYWARDEN.host " }))).toEqual(["machine"]);
    expect(ids(filterRecommendations(rows, { q: "title of mixed" }))).toEqual(["mixed"]);
  });
  it("join conditions with and", () => {
    expect(ids(filterRecommendations(rows, { environment: "Aws", severity: "High" }))).toEqual(["bucket-public"]);
  });
  it("tell the worst verdict from having unknown resources at all", () => {
    expect(ids(filterRecommendations(rows, { status: "Unknown" }))).toEqual(["machine"]);
    expect(ids(filterRecommendations(rows, { status: HAS_UNKNOWN }))).toEqual(["mixed", "machine"]);
  });
  it("keep everything when empty", () => {
    expect(filterRecommendations(rows, { q: "", severity: "" })).toHaveLength(3);
  });
  it("offer each value once, by its label", () => {
    expect(optionsOf(rows, "environment")).toEqual([{ value: "Aws", label: "Aws" }, { value: "OnPremise", label: "OnPremise" }]);
  });
});

describe("sorting", () => {
  const rows = [row("a", { severity: "Low", unhealthy: 9 }), row("b", { severity: "Critical", unhealthy: 1 }), row("c", { severity: "High" })];
  it("puts the gravest severity first, and turns round", () => {
    expect(ids(sortRecommendations(rows, { key: "severity", isDescending: true }))).toEqual(["b", "c", "a"]);
    expect(ids(sortRecommendations(rows, { key: "severity", isDescending: false }))).toEqual(["a", "c", "b"]);
  });
  it("puts the most unhealthy resources first", () => {
    expect(ids(sortRecommendations(rows, { key: "unhealthy", isDescending: true }))).toEqual(["a", "b", "c"]);
  });
  it("breaks ties of status by severity", () => {
    expect(ids(sortRecommendations(rows, { key: "status", isDescending: true }))).toEqual(["b", "a", "c"]);
  });
  it("leaves the given list alone", () => {
    sortRecommendations(rows, { key: "title", isDescending: true });
    expect(ids(rows)).toEqual(["a", "b", "c"]);
  });
});

describe("the choices of a filter", () => {
  it("leave out what is empty, as of one that a client described", () => {
    const rows = [row("a"), row("b", { type: "", control: "", controlTitle: "No security control", environment: null })];
    const values = (["control", "environment", "type"] as const).map((key) => optionsOf(rows, key).map((own) => own.value));
    expect(values).toEqual([["data"], ["Aws"], ["AWS::S3::Bucket"]]);
  });
});

describe("groups", () => {
  it("of controls begin with the one with the most unhealthy recommendations", () => {
    const rows = [row("a", { control: "x", controlTitle: "X" }), row("b", { unhealthy: 1 }), row("c", { unhealthy: 4 })];
    const groups = groupRecommendations(rows, "control");
    expect(groups.map((group) => [group.title, group.rows.length, group.unhealthy])).toEqual([["Protect data", 2, 2], ["X", 1, 0]]);
  });
  it("of severities go by gravity", () => {
    const rows = [row("a", { severity: "Low" }), row("b", { severity: "Critical" })];
    expect(groupRecommendations(rows, "severity").map((group) => group.key)).toEqual(["Critical", "Low"]);
  });
});
