import { describe, expect, it } from "vitest";
import { conditionLine, fieldPiece, lineText, valuePiece } from "./policyCondition";
import { roleName, templateResources } from "./policyDetails";
import { ruleText } from "./policyRule";

const said = (condition: unknown): string => lineText(conditionLine(condition));
const done = (then: unknown): string => lineText(ruleText({ if: {}, then }).effect);

describe("conditions", () => {
  it.each([
    [{ field: "type", equals: "T" }, "`type` equals T"],
    [{ field: "type", notEquals: "T" }, "`type` does not equal T"],
    [{ field: "location", in: ["a", "b"] }, "`location` is one of a, b"],
    [{ field: "location", in: [] }, "`location` is one of (nothing)"],
    [{ field: "location", notIn: "[parameters('places')]" }, "`location` is none of {places}"],
    [{ field: "name", like: "*-prod" }, "`name` is like *-prod"],
    [{ field: "name", notLike: "x*" }, "`name` is not like x*"],
    [{ field: "name", match: "##?" }, "`name` matches the pattern ##?"],
    [{ field: "name", matchInsensitively: "a#" }, "`name` matches the pattern, in any case, a#"],
    [{ field: "name", notMatch: "a#" }, "`name` does not match the pattern a#"],
    [{ field: "name", notMatchInsensitively: "a#" }, "`name` does not match the pattern, in any case, a#"],
    [{ field: "a.b", contains: "x" }, "`a.b` contains x"],
    [{ field: "a.b", notContains: "x" }, "`a.b` does not contain x"],
    [{ field: "tags", containsKey: "owner" }, "`tags` has the key owner"],
    [{ field: "tags", notContainsKey: "owner" }, "`tags` does not have the key owner"],
    [{ field: "a", less: 3 }, "`a` is less than 3"],
    [{ field: "a", lessOrEquals: 3 }, "`a` is at most 3"],
    [{ field: "a", greater: 3 }, "`a` is greater than 3"],
    [{ field: "a", greaterOrEquals: "2026-01-01" }, "`a` is at least 2026-01-01"],
    [{ field: "a", exists: true }, "`a` is set"],
    [{ field: "a", exists: "False" }, "`a` is not set"],
    [{ field: "a", exists: "[parameters('must')]" }, "`a` is set, or not, as told by {must}"],
    [{ value: "[field('a')]", equals: "" }, "the value field('a') equals (empty text)"],
    [{ Field: "a", Equals: null }, "`a` equals null"],
    [{ field: "a", resembles: "b" }, "`a` resembles b"],
    [{ field: "[concat('tags[', parameters('tag'), ']')]", exists: false }, "concat('tags[', parameters('tag'), ']') is not set"],
  ])("%j", (condition, words) => expect(said(condition)).toBe(words));

  it("nest, and a list of one is only that", () => {
    const condition = {
      allOf: [
        { field: "type", equals: "T" },
        { not: { anyOf: [{ field: "a", exists: true }, { field: "b", exists: true }] } },
        { not: { allOf: [{ field: "a", equals: 1 }, { field: "b", equals: 2 }] } },
        { not: { field: "c", equals: 3 } },
        { anyOf: [{ field: "d", equals: 4 }, { allOf: [{ field: "e", equals: 5 }] }] },
      ],
    };
    expect(said(condition)).toBe([
      "all of these hold:",
      "  `type` equals T",
      "  none of these holds:",
      "    `a` is set",
      "    `b` is set",
      "  not all of these hold:",
      "    `a` equals 1",
      "    `b` equals 2",
      "  not:",
      "    `c` equals 3",
      "  any of these holds:",
      "    `d` equals 4",
      "    `e` equals 5",
    ].join("\n"));
    expect(said({ allOf: [] })).toBe("always");
    expect(said({ anyOf: [] })).toBe("never");
  });
});

describe("counts", () => {
  const rules = (test: object) => said({ count: { field: "rules[*]" }, ...test });
  it.each([
    [{ greater: 0 }, "it has at least 1 of `rules[*]`"],
    [{ notEquals: 0 }, "it has at least 1 of `rules[*]`"],
    [{ greaterOrEquals: 2 }, "it has at least 2 of `rules[*]`"],
    [{ equals: 0 }, "it has none of `rules[*]`"],
    [{ less: 1 }, "it has none of `rules[*]`"],
    [{ equals: "3" }, "it has exactly 3 of `rules[*]`"],
    [{ notEquals: 3 }, "it has any number but 3 of `rules[*]`"],
    [{ greater: 2 }, "it has more than 2 of `rules[*]`"],
    [{ less: 4 }, "it has fewer than 4 of `rules[*]`"],
    [{ lessOrEquals: 4 }, "it has at most 4 of `rules[*]`"],
    [{ in: [1, 2] }, "the number of `rules[*]` is one of 1, 2"],
    [{ greater: "[parameters('n')]" }, "the number of `rules[*]` is greater than {n}"],
  ])("%j", (test, words) => expect(rules(test)).toBe(words));

  it("say where, also inside another, and over values", () => {
    const inner = { count: { field: "rules[*].ports[*]", where: { field: "rules[*].ports[*]", equals: 22 } }, greater: 0 };
    expect(said({ count: { field: "rules[*]", where: { allOf: [{ field: "rules[*].open", equals: true }, inner] } }, greaterOrEquals: 1 })).toBe([
      "at least 1 of `rules[*]` where:",
      "  all of these hold:",
      "    `rules[*].open` equals true",
      "    at least 1 of `rules[*].ports[*]` where:",
      "      `rules[*].ports[*]` equals 22",
    ].join("\n"));
    expect(said({ count: { value: "[parameters('names')]", name: "n", where: { value: "[current('n')]", like: "a*" } }, equals: "[length(parameters('names'))]" })).toBe([
      "the number of the values {names} each called `n` equals length(parameters('names')) counting those where:",
      "  the value current('n') is like a*",
    ].join("\n"));
  });
});

describe("values", () => {
  it("are parameters, expressions, or what they say", () => {
    expect(valuePiece("[Parameters( 'it''s' )]")).toEqual({ kind: "parameter", name: "it's" });
    expect(valuePiece("[concat('a', parameters('b'))]")).toEqual({ kind: "expression", text: "concat('a', parameters('b'))" });
    expect(valuePiece("[[not one]")).toEqual({ kind: "value", text: "[not one]" });
    expect(valuePiece({ a: 1 })).toEqual({ kind: "value", text: '{"a":1}' });
    expect(fieldPiece("[parameters('f')]")).toEqual({ kind: "parameter", name: "f" });
  });
});

describe("effects", () => {
  it.each([
    ["Deny", "the request is denied (Deny)"],
    ["audit", "the resource is marked as non-compliant (audit)"],
    ["disabled", "nothing: it is switched off (disabled)"],
    ["enforceSetting", "enforceSetting"],
    ["[parameters('effect')]", "the effect is {effect}"],
  ])("%s", (effect, words) => expect(done({ effect })).toBe(words));

  it("ask for a related resource", () => {
    const details = { type: "T/child", name: "default", existenceScope: "subscription", evaluationDelay: "AfterProvisioning", existenceCondition: { field: "a", equals: 1 } };
    expect(done({ effect: "auditIfNotExists", details })).toBe([
      "the resource is marked as non-compliant if a related one does not exist (auditIfNotExists)",
      "  a related resource of type T/child named default anywhere in the subscription has to exist where:",
      "    `a` equals 1",
      "  looked for after AfterProvisioning",
    ].join("\n"));
    expect(done({ effect: "auditIfNotExists", details: { type: "T", resourceGroupName: "[parameters('group')]" } })).toContain("a related resource of type T in the resource group {group} has to exist");
  });

  it("deploy what is missing, also by templates inside templates", () => {
    const inner = { type: "Microsoft.Resources/deployments", name: "x", properties: { template: { resources: [{ type: "T/settings", name: "on" }] } } };
    const details = {
      type: "T", roleDefinitionIds: ["/providers/microsoft.authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c", "/x/y/no-known"],
      deployment: { properties: { template: { resources: [{ type: "T", name: "[field('name')]" }, inner] } } },
    };
    expect(done({ effect: "deployIfNotExists", details })).toBe([
      "what is missing is deployed if a related resource does not exist (deployIfNotExists)",
      "  a related resource of type T has to exist",
      "  if there is none, deploys 2 resources with the roles Contributor, no-known",
      "    T named field('name')",
      "    T/settings named on",
    ].join("\n"));
    expect(templateResources({ properties: { template: { resources: { one: { type: "T" } } } } })).toHaveLength(1);
    expect(templateResources(undefined)).toEqual([]);
    expect(roleName("/a/8E3AF657-A8FF-443C-A75C-2FE8C4BCB635")).toBe("Owner");
  });

  it("change the request", () => {
    const details = {
      roleDefinitionIds: ["/x/4a9ae827-6dc8-4573-8ac7-8239d42aa03f"], conflictEffect: "audit",
      operations: [
        { operation: "addOrReplace", field: "tags['env']", value: "[parameters('env')]" },
        { operation: "Add", field: "a.b", value: false, condition: "[equals(field('c'), 1)]" },
        { operation: "remove", field: "tags['old']" },
      ],
    };
    expect(done({ effect: "modify", details })).toBe([
      "the request is changed (modify)",
      "  sets `tags['env']` to {env}",
      "  if it is not set, sets `a.b` to false only where equals(field('c'), 1)",
      "  removes `tags['old']`",
      "  if another policy changes the same field: audit",
      "  resources that exist are changed with the role Tag Contributor",
    ].join("\n"));
  });

  it("append, refuse actions, wait for people, and show what is not known", () => {
    expect(done({ effect: "append", details: [{ field: "a", value: [1] }] })).toContain("adds `a` = 1");
    expect(done({ effect: "denyAction", details: { actionNames: ["delete"], cascadeBehaviors: { resourceGroup: "deny" } } })).toContain("  the actions are delete\n  when its resource group is deleted: deny");
    expect(done({ effect: "manual", details: { defaultState: "Unknown" } })).toContain("until somebody attests, the state is Unknown");
    expect(done({ effect: "audit", details: { templateInfo: { url: "u" } } })).toContain('`templateInfo` is {"url":"u"}');
    expect(done(undefined)).toBe("no effect is given");
  });
});
