import { describe, expect, it } from "vitest";
import type { ConnectorRow } from "../api/connectorTypes";
import type { Exemption } from "../api/types";
import { ageOf, groupConnectors, healthOf, iamPolicy } from "./connectors";
import { groupExemptions, hasExpired } from "./exemptions";

const WHOLE = { complete: 3, partial: 0, failed: 0, skipped: 1, denied: 0 };
const row = (id: string, changes: Partial<ConnectorRow> = {}): ConnectorRow => ({
  id, displayName: id, environment: "Aws", sample: false, organization: false, accounts: [], takenAt: "2026-11-25T08:00:00Z", coverage: WHOLE, failures: [], missingPermissions: 0, ...changes,
});

describe("health", () => {
  it("is whole only where every list and read succeeded", () => {
    expect(healthOf(row("a")).tone).toBe("Healthy");
    expect(healthOf(row("a", { coverage: { ...WHOLE, failed: 1 } })).tone).toBe("Unknown");
    expect(healthOf(row("a", { coverage: { ...WHOLE, denied: 1 } })).tone).toBe("Unknown");
  });
  it("tells an error before anything else, with the last success", () => {
    const broken = row("a", { attempt: { at: "2026-11-25T09:00:00Z", error: "the login has expired" } });
    expect(healthOf(broken)).toMatchObject({ tone: "Unhealthy", why: "The login has expired. It was never read." });
  });
  it("is not whole where nobody may ask what changed since", () => {
    expect(healthOf(row("a", { poll: { at: "2026-11-25T09:00:00Z", error: null } })).tone).toBe("Healthy");
    expect(healthOf(row("a", { poll: { at: "2026-11-25T09:00:00Z", error: "refused" } }))).toMatchObject({ tone: "Unknown", word: "Changes wait" });
  });
  it("is none before the first reading", () => {
    expect(healthOf(row("a", { takenAt: undefined }))).toMatchObject({ tone: "Unknown", word: "Never read" });
    expect(healthOf(row("org", { organization: true, takenAt: undefined })).word).toBe("Never read");
    const tried = { at: "2026-11-25T09:00:00Z", succeededAt: "2026-11-25T09:00:00Z" };
    expect(healthOf(row("a", { takenAt: undefined, attempt: tried })).word).toBe("Never read");
    expect(healthOf(row("org", { organization: true, takenAt: undefined, attempt: tried })).word).toBe("Accounts listed");
  });
});

describe("connectors", () => {
  it("stand below their organisation, those that fail first; one without it stands by itself", () => {
    const rows = [row("x"), row("m2", { memberOf: "org" }), row("m1", { memberOf: "org", attempt: { at: "", error: "no" } }), row("org", { organization: true }), row("lost", { memberOf: "gone" })];
    const groups = groupConnectors(rows);
    expect(groups.map((group) => [group.row.id, group.members.map((one) => one.id)])).toEqual([["org", ["m1", "m2"]], ["lost", []], ["x", []]]);
  });
  it("never hide one that names itself as its organisation", () => {
    expect(groupConnectors([row("a", { memberOf: "a" })]).map((group) => group.row.id)).toEqual(["a"]);
  });
});

describe("age", () => {
  it("is told in the largest whole unit", () => {
    const now = new Date("2026-11-25T10:00:00Z");
    expect(["2026-11-22T09:00:00Z", "2026-11-25T08:59:00Z", "2026-11-25T09:59:30Z", "2027-01-01T00:00:00Z"].map((at) => ageOf(at, now))).toEqual(["3 days", "1 hour", "less than a minute", "less than a minute"]);
    expect([ageOf(undefined, now), ageOf("nonsense", now)]).toEqual(["", ""]);
  });
});

describe("the IAM policy", () => {
  const of = (...permissions: string[]) => iamPolicy(permissions.map((permission) => ({ permission })));
  it("allows each action once, and only what is one", () => {
    const policy = JSON.parse(of("s3:GetBucketPolicy", "root", "kms:ListKeys", "s3:GetBucketPolicy", "CAP_SYS_ADMIN", `x:"], "Effect": "Allow`) ?? "");
    expect(policy.Statement).toEqual([expect.objectContaining({ Effect: "Allow", Action: ["kms:ListKeys", "s3:GetBucketPolicy"], Resource: "*" })]);
  });
  it("is none where nothing of it is IAM's", () => {
    expect(of("root")).toBeUndefined();
  });
});

describe("exemptions", () => {
  const one = (id: string, changes: Partial<Exemption> = {}): Exemption => ({ id, recommendation: "r", scope: { kind: "resource", id: `arn:${id}` }, category: "Waiver", reason: "x", createdAt: "2026-11-25T08:00:00Z", createdBy: "a", ...changes });
  it("of one decision stand together, the newest first", () => {
    const decisions = groupExemptions([one("1"), one("2"), one("3", { reason: "y" }), one("4", { createdAt: "2026-11-25T09:00:00Z" })]);
    expect(decisions.map((decision) => decision.exemptions.map((exemption) => exemption.id))).toEqual([["4"], ["1", "2"], ["3"]]);
  });
  it("expire", () => {
    const now = new Date("2026-11-25T10:00:00Z");
    expect([one("1"), one("1", { expiresAt: "2026-11-25T09:00:00Z" }), one("1", { expiresAt: "2026-11-25T11:00:00Z" })].map((exemption) => hasExpired(exemption, now))).toEqual([false, true, false]);
  });
});
