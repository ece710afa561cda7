import { describe, expect, it } from "vitest";
import type { Principal, RoleDefinition } from "../api/peopleTypes";
import { isDone, isPrincipalId } from "./audit";
import { newGuid } from "./guid";
import { agentText, filterPrincipals, hasEnded, isLocked, membersOf, rightsText, svgAddress } from "./people";
import { byRoleName, holdersOf, linesOf, newRoleDraft, roleDraftOf, roleProblems, rolePropertiesOf } from "./roles";
import { choicesOfScopes, filterScopes, namesOf, scopeParts, scopeText } from "./scopes";

const NOW = new Date("2026-11-28T10:00:00Z");
const principal = (id: string, more: Partial<Principal> = {}): Principal => ({
  id, kind: "User", name: id, displayName: "", state: "Enabled", createdAt: "2026-11-01T00:00:00Z", totp: false, groups: [], roles: [], lastSignInAt: "2026-11-27T00:00:00Z", ...more,
});
const held = (role: string, scope: string) => ({ role, roleName: role, scope, assignment: `${scope}/a` });

describe("scopes", () => {
  it("are told in words", () => {
    const names = new Map([["/subscriptions/abc", "Shop"]]);
    const texts = ["/", "", "/providers/Microsoft.Management/managementGroups/prod", "/subscriptions/ABC", "/subscriptions/abc/resourceGroups/web", "/subscriptions/x/resourcegroups/web/providers/Microsoft.Compute/virtualMachines/vm1"].map((scope) => scopeText(scope, names));
    expect(texts).toEqual(["Everything", "Everything", "Management group prod", "Subscription Shop", "Resource group web in Shop", "Resource vm1 in x"]);
  });
  it("that are none of these are resources, not a subscription or everything", () => {
    expect(scopeParts("/providers/Microsoft.Security").kind).toBe("resource");
    expect(scopeParts("/subscriptions/a/resourceGroups").kind).toBe("resource");
  });
  const row = (id: string, kind: "tenant" | "managementGroup" | "subscription" | "resourceGroup", depth: number, name = "") => ({ id, kind, depth, name, assignments: 0, connectors: [] });
  const choices = choicesOfScopes([row("/", "tenant", 0), row("/m/g", "managementGroup", 1, "Group"), row("/subscriptions/a", "subscription", 2, "Alpha"), row("/subscriptions/a/resourceGroups/r", "resourceGroup", 3), row("/subscriptions/b", "subscription", 1, "Beta")]);
  it("to choose from begin with everything and leave groups to their subscription", () => {
    expect(choices.map((choice) => choice.title)).toEqual(["Everything", "Group", "Alpha", "Beta"]);
    expect(choicesOfScopes([]).map((choice) => choice.id)).toEqual(["/"]);
    expect(namesOf(choices).get("/subscriptions/a")).toBe("Alpha");
  });
  it("that are found keep what they lie below", () => {
    expect(filterScopes(choices, " alph").map((choice) => choice.title)).toEqual(["Everything", "Group", "Alpha"]);
    expect(filterScopes(choices, "beta").map((choice) => choice.title)).toEqual(["Everything", "Beta"]);
    expect(filterScopes(choices, "nothing")).toEqual([]);
  });
});

describe("principals", () => {
  const all = [
    principal("b", { displayName: "Zoe", lockedUntil: "2026-11-28T10:05:00Z" }), principal("a", { roles: [held("Owner", "/")], totp: true }), principal("sso", { provider: "corp", state: "Disabled", lastSignInAt: null }),
    principal("g", { kind: "Group" }),
  ];
  const found = (text: string, filter: string) => filterPrincipals(all, "User", text, filter, NOW).map((one) => one.id);
  it("are of one kind, by name", () => expect(found("", "")).toEqual(["a", "sso", "b"]));
  it("are found by their roles too", () => expect(found("owner", "")).toEqual(["a"]));
  it("are filtered by what is the matter with them", () => {
    expect(["disabled", "locked", "noRoles", "never"].map((filter) => found("", filter))).toEqual([["sso"], ["b"], ["sso", "b"], ["sso"]]);
  });
  it("of an identity provider are not blamed for its second factor", () => expect(found("", "noCodes")).toEqual(["b"]));
  it("are no longer locked when the time is over", () => {
    expect([isLocked(principal("x", { lockedUntil: "2026-11-28T09:59:59Z" }), NOW), isLocked(principal("x"), NOW)]).toEqual([false, false]);
  });
  it("belong to the groups that they brought along", () => {
    expect(membersOf("g", [principal("m", { groups: [{ id: "g", displayName: "G" }] }), principal("n")]).map((one) => one.id)).toEqual(["m"]);
  });
});

describe("credentials", () => {
  it("end at their time", () => {
    expect([hasEnded({ expiresAt: "2026-11-28T10:00:00Z" }, NOW), hasEnded({ expiresAt: "2026-11-28T10:00:01Z" }, NOW), hasEnded({ expiresAt: null }, NOW)]).toEqual([true, false, false]);
  });
  it("say what they may do; no limit is not no right", () => {
    expect([rightsText(null), rightsText(["*/read"]), rightsText([])]).toEqual(["All rights of its owner", "Read only", "None"]);
  });
});

describe("what a browser calls itself", () => {
  it("becomes its name and system", () => {
    expect(agentText("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0")).toBe("Edge on Linux");
    expect(agentText("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1")).toBe("Safari on iPhone");
    expect([agentText("curl/8"), agentText("")]).toEqual(["curl/8", "Unknown browser"]);
  });
});

describe("a QR code", () => {
  it("is an image's address in which nothing of the document is left as it was", () => {
    const address = svgAddress(`<svg onload="x"><script>alert(1)</script></svg>#"'`);
    expect(address).toMatch(/^data:image\/svg\+xml;charset=utf-8,[A-Za-z0-9%()'._~!*-]*$/);
    expect(address).not.toMatch(/[<>"#]/);
  });
});

describe("roles", () => {
  const role = (name: string, type: "BuiltInRole" | "CustomRole", more: Partial<RoleDefinition["properties"]> = {}): RoleDefinition => ({ id: `/r/${name}`, name, properties: { roleName: name, type, permissions: [], assignableScopes: ["/"], ...more } });
  it("of one's own stand first", () => {
    expect([role("B", "BuiltInRole"), role("Z", "CustomRole"), role("A", "BuiltInRole")].sort(byRoleName).map((one) => one.name)).toEqual(["Z", "A", "B"]);
  });
  it("are held whatever the case of their ids", () => {
    expect(holdersOf("ABC", [principal("p", { roles: [held("abc", "/"), held("abc", "/subscriptions/x"), held("other", "/")] })])).toHaveLength(2);
  });
  it("are written one action a line, each once", () => expect(linesOf(" a/b \n\n a/b\nc/d")).toEqual(["a/b", "c/d"]));
  it("say what is wrong with them", () => {
    const draft = { ...newRoleDraft(), roleName: "x", actions: "Microsoft.Security/*/read\n*", notActions: "Microsoft.Security/assessments/write" };
    expect(roleProblems(draft)).toEqual({});
    expect(Object.keys(roleProblems(newRoleDraft()))).toEqual(["roleName", "actions"]);
    expect(roleProblems({ ...draft, actions: "read everything" }).actions).toContain("“read everything”");
    expect(roleProblems({ ...draft, notActions: "a, b" }).notActions).toBeDefined();
    expect(roleProblems({ ...draft, scopes: "subscriptions/x" }).scopes).toBeDefined();
    expect(roleProblems({ ...draft, scopes: "" }).scopes).toBeDefined();
  });
  it("keep what the form does not show", () => {
    const known = role("x", "CustomRole", { permissions: [{ actions: ["a/b"], notActions: [], dataActions: ["d/e"], notDataActions: [] }, { actions: ["f/g"] }], description: "why" });
    const saved = rolePropertiesOf({ ...roleDraftOf(known), actions: "a/b\nh/i" }, known);
    expect(saved.permissions).toEqual([{ actions: ["a/b", "h/i"], notActions: [], dataActions: ["d/e"], notDataActions: [] }, { actions: ["f/g"] }]);
    expect(saved.description).toBe("why");
  });
});

describe("ids", () => {
  it("are random GUIDs of version 4", () => {
    expect(newGuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(newGuid()).not.toBe(newGuid());
    expect([isPrincipalId(newGuid()), isPrincipalId("installation")]).toEqual([true, false]);
  });
});

describe("the audit log", () => {
  it("takes only a success for one", () => expect(["Succeeded", "Failed (403)", "", "Denied"].map(isDone)).toEqual([true, false, false, false]));
});
