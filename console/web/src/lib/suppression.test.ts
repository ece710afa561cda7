import { describe, expect, it } from "vitest";
import type { AlertDetail, AlertEntity, SuppressionProperties } from "../api/alertTypes";
import { bySubscription, candidatesOf, conditionText, draftLike, draftOfRule, fits, hasProblem, isSimple, newDraft, problemsOf, propertiesOf, stateOf, type OwnedRule, type RuleDraft } from "./suppression";

const entities: AlertEntity[] = [{ type: "ip", address: "198.51.100.8", location: { countryCode: "DE" } }, { type: "host", hostName: "WEB-1" }, { type: "account", name: "anna", uid: "7" }];
const properties = (more: Partial<SuppressionProperties> = {}): SuppressionProperties => ({ alertType: "Brute", reason: "Known", state: "Enabled", ...more });
const where = (...allOf: { field: string; in?: string[]; contains?: string | string[] }[]): SuppressionProperties => properties({ suppressionAlertsScope: { allOf } });
const alert = { detection: "brute", entities };
const rule = (own: SuppressionProperties, name = "r"): OwnedRule => ({ subscription: "s", rule: { id: `/x/${name}`, name, properties: own } });
const draft = (more: Partial<RuleDraft> = {}): RuleDraft => ({ ...newDraft("s"), name: "r", alertType: "*", reason: "Known", ...more });

describe("a suppression rule", () => {
  it("fits what meets all of its conditions, without case", () => {
    expect(fits(properties(), alert)).toBe(true);
    expect(fits(properties({ alertType: "*" }), alert)).toBe(true);
    expect(fits(properties({ alertType: "other" }), alert)).toBe(false);
    expect(fits(where({ field: "entities.ip.address", in: ["10.0.0.1", "198.51.100.8"] }, { field: "entities.host.hostName", contains: ["web", "db"] }, { field: "entities.ip.location.countryCode", contains: "d" }), alert)).toBe(true);
    expect(fits(where({ field: "entities.host.hostName", in: ["web"] }), alert)).toBe(false);
    expect(fits(where({ field: "host.hostName", contains: "web" }), alert)).toBe(false);
  });
  it("has expired when its time is over, whatever it says", () => {
    const now = Date.parse("2026-11-02T00:00:00Z");
    expect(stateOf(properties({ expirationDateUtc: "2026-11-01T00:00:00Z" }), now)).toBe("Expired");
    expect([stateOf(properties({ expirationDateUtc: "2026-12-01T00:00:00Z" }), now), stateOf(properties({ state: "Disabled" }), now), stateOf(properties({ state: "Expired" }), now)]).toEqual(["On", "Off", "Expired"]);
  });
  it("is told in words", () => {
    expect(conditionText({ field: "entities.ip.address", in: ["1.1.1.1", "2.2.2.2"] })).toBe("IP address: address is 1.1.1.1 or 2.2.2.2");
    expect(conditionText({ field: "odd", contains: "x" })).toBe("odd contains x");
  });
});

describe("the form of a rule", () => {
  it("sends what it shows and shows what is kept", () => {
    const sent = propertiesOf(draft({ comment: " why ", expires: "2100-01-01", isOn: false, conditions: [{ field: "entities.ip.address", how: "in", text: "a\n\n b \na" }, { field: "entities.host.hostName", how: "contains", text: " web " }] }));
    expect(sent).toMatchObject({ alertType: "*", reason: "Known", comment: "why", state: "Disabled", suppressionAlertsScope: { allOf: [{ field: "entities.ip.address", in: ["a", "b"] }, { field: "entities.host.hostName", contains: "web" }] } });
    expect(propertiesOf(draftOfRule(rule(sent)))).toEqual(sent);
    expect(propertiesOf(draft())).toEqual({ alertType: "*", reason: "Known", state: "Enabled" });
  });
  it("is no place for conditions that it would change", () => {
    expect([isSimple(where({ field: "entities.ip.address", in: ["a"], contains: "b" })), isSimple(where({ field: "entities.ip.address", contains: ["a", "b"] })), isSimple(where({ field: "entities.ip.address", in: ["a"] })), isSimple(properties())]).toEqual([false, false, true, true]);
  });
  it("names what is missing", () => {
    expect(hasProblem(problemsOf(draft(), []))).toBe(false);
    expect(Object.keys(problemsOf(newDraft(""), [])).length).toBeGreaterThan(0);
    expect(problemsOf(draft({ name: "R" }), [rule(properties())]).name).toBe("There is a rule of this name already.");
    expect(problemsOf(draft({ name: "a/b" }), []).name).toBeDefined();
    expect(problemsOf(draft({ conditions: [{ field: "ip", how: "in", text: "x" }, { field: "entities.ip.address", how: "contains", text: "a\nb" }, { field: "entities.ip.address", how: "in", text: " " }] }), []).conditions.every(Boolean)).toBe(true);
    expect(problemsOf(draft({ expires: "2000-01-01" }), []).expires).toBeDefined();
  });
  it("begins with the most exact of what an alert is about", () => {
    expect(candidatesOf(entities).map((one) => `${one.field}=${one.text}`)).toEqual(["entities.host.hostName=WEB-1", "entities.account.name=anna", "entities.ip.address=198.51.100.8"]);
    const like = draftLike({ ...alert, id: "0123456789", subscription: "s" } as AlertDetail);
    expect([like.name, like.alertType, like.conditions.length]).toEqual(["brute-01234567", "brute", 1]);
    expect(fits(propertiesOf(like), alert)).toBe(true);
  });
});

describe("the rules of several subscriptions", () => {
  it("are read together, and one that fails hides no other", async () => {
    const read = await bySubscription(["a", "b", "c", "d", "e", "f", "g"], (id) => (id === "b" ? Promise.reject(new Error("refused")) : Promise.resolve([rule(properties(), id).rule])));
    expect([read.rules.map((own) => own.subscription).join(""), read.unread]).toEqual(["acdefg", [{ subscription: "b", reason: "refused" }]]);
  });
});
