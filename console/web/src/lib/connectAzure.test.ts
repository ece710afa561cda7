import { describe, expect, it } from "vitest";
import type { AzureTest } from "../api/connectorTypes";
import { EMPTY_AZURE, hasGaps, loginOf, problemsOf, type AzureDraft } from "./connectAzure";

const ID = "11111111-1111-1111-1111-111111111111";
const draft = (changes: Partial<AzureDraft> = {}): AzureDraft => ({ ...EMPTY_AZURE, tenant: ID, clientId: ID, clientSecret: " s ", ...changes });

describe("a step", () => {
  it("asks only for what is its own", () => {
    expect(problemsOf("cloud", EMPTY_AZURE)).toEqual({});
    expect(Object.keys(problemsOf("login", EMPTY_AZURE))).toEqual(["tenant", "clientId", "clientSecret"]);
    expect(problemsOf("login", draft({ login: "az", clientId: "", clientSecret: "" }))).toEqual({});
    expect(problemsOf("scope", EMPTY_AZURE)).toEqual({});
    expect(problemsOf("scope", draft({ extent: "some", subscriptions: `${ID}, x` })).subscriptions).toContain("x");
    expect(problemsOf("scope", draft({ extent: "group", managementGroup: "../x" })).managementGroup).toBeTruthy();
    expect(problemsOf("connect", draft({ name: "Upper" })).name).toBeTruthy();
    expect(problemsOf("cloud", draft({ cloud: "other", cloudUrl: "ftp://x" })).cloudUrl).toBeTruthy();
  });
});

describe("what is sent", () => {
  it("holds a secret only where the login has one", () => {
    expect(loginOf(draft())).toEqual({ cloud: "public", tenant: ID, login: "client-secret", clientId: ID, clientSecret: "s" });
    expect(loginOf(draft({ login: "az" }))).toEqual({ cloud: "public", tenant: ID, login: "az" });
    expect(loginOf(draft({ login: "managed-identity" })).clientSecret).toBeUndefined();
  });
  it("narrows to what is chosen, not to what was typed before", () => {
    expect(loginOf(draft({ extent: "some", subscriptions: `${ID}\n${ID}`, managementGroup: "x" }))).toMatchObject({ subscriptions: [ID, ID] });
    expect(loginOf(draft({ extent: "all", subscriptions: ID, managementGroup: "x" }))).not.toHaveProperty("managementGroup");
  });
});

describe("gaps", () => {
  const test: AzureTest = { tenant: ID, actions: 1, subscriptions: [{ id: ID, state: "complete", reason: null, missing: [], recommendations: 0 }], unseen: [], directory: [], role: {}, commands: [] };
  it("are all that is not known to be readable", () => {
    expect(hasGaps(test)).toBe(false);
    expect(hasGaps({ ...test, subscriptions: [{ id: ID, state: "notKnown", reason: "no", missing: [], recommendations: null }] })).toBe(true);
    expect(hasGaps({ ...test, unseen: [{ id: ID, reason: "no" }] })).toBe(true);
    expect(hasGaps({ ...test, directory: [{ permission: "User.Read.All", granted: false, reason: "no", recommendations: 2 }] })).toBe(true);
  });
});
