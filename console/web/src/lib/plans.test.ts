import { describe, expect, it } from "vitest";
import type { Plan, PlanSubscription, Pricing } from "../api/planTypes";
import { contactDraftOf, contactOf, contactProblem } from "./contacts";
import { builtText, changeOf, countsOf, coverageOf, draftOf, filterSubscriptions, trialText } from "./plans";

const plan: Plan = { name: "VirtualMachines", title: "Servers", description: "", brings: [{ title: "a", built: true }, { title: "b", built: false }], subPlans: ["P1", "P2"], extensions: [{ name: "X", title: "x" }, { name: "Y", title: "y" }] };
const pricing = (more: Partial<Pricing> = {}): Pricing => ({ plan: "VirtualMachines", tier: "Standard", inherited: false, enforce: false, extensions: [], ...more });
const subscription = (id: string, pricings: Pricing[]): PlanSubscription => ({ id, displayName: `Name of ${id}`, connector: "aws", pricings });

describe("plans", () => {
  it("that a subscription does not mention are not told, neither on nor off", () => {
    expect(countsOf("VirtualMachines", [subscription("a", [pricing()]), subscription("b", [pricing({ tier: "Free" })]), subscription("c", [])])).toEqual({ on: 1, off: 1, unknown: 1 });
  });
  it("that another replaced are not missed in a subscription", () => {
    const plans = [plan, { ...plan, name: "Dns", replacedBy: ["VirtualMachines"] }, { ...plan, name: "Storage", replacedBy: ["NotHere"] }];
    expect(coverageOf(subscription("a", [pricing(), pricing({ plan: "Dns", tier: "Free" }), pricing({ plan: "Storage", tier: "Free" })]), plans)).toEqual({ on: 1, off: 1, unknown: 0 });
  });
  it("say how much of them is built", () => {
    expect([builtText(plan), builtText({ brings: [] }), builtText({ brings: [{ title: "a", built: false }] }), builtText({ brings: [{ title: "a", built: true }] })]).toEqual(["1 of 2 built", "Nothing of its own", "Nothing is built yet", "All 1 built"]);
  });
  it("are found by subscription", () => {
    expect(filterSubscriptions([subscription("a1", []), subscription("b2", [])], "NAME OF B").map((one) => one.id)).toEqual(["b2"]);
  });
  it("tell how long a trial lasts", () => {
    expect(["P30D", "P1DT3H", "PT5H10M", "PT59M", "PT0S", "PT0.5S"].map(trialText)).toEqual(["30 days left", "1 day left", "5 hours left", "Less than an hour left", "Over", "Less than an hour left"]);
    expect([trialText(null), trialText(""), trialText("30 days")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("a change of a plan", () => {
  it("sends what the form shows, in Azure's words", () => {
    const draft = draftOf(plan, pricing({ subPlan: "P1", enforce: true, extensions: [{ name: "Y", isEnabled: true }] }));
    expect(changeOf(draft)).toEqual({ pricingTier: "Standard", subPlan: "P1", enforce: "True", extensions: [{ name: "X", isEnabled: "False" }, { name: "Y", isEnabled: "True" }] });
  });
  it("that switches it off sends no parts", () => {
    expect(changeOf({ ...draftOf(plan, pricing({ subPlan: "P1" })), isOn: false })).toEqual({ pricingTier: "Free", enforce: "False" });
  });
  it("begins with the largest sub-plan where none was set, and with none where there is none", () => {
    expect(draftOf(plan, undefined)).toMatchObject({ isOn: false, subPlan: "P2" });
    expect(changeOf(draftOf({ ...plan, subPlans: [], extensions: [] }, pricing()))).toEqual({ pricingTier: "Standard", enforce: "False" });
  });
});

describe("contacts", () => {
  it("are written as Azure does and read back the same", () => {
    const draft = { ...contactDraftOf(null), emails: "a@x.example\n\n b@x.example, a@x.example", phone: " 1 ", alerts: "Low", paths: "", roles: ["Owner"] };
    const sent = contactOf(draft);
    expect(sent).toEqual({ emails: "a@x.example;b@x.example", phone: "1", isEnabled: true, notificationsByRole: { state: "On", roles: ["Owner"] }, notificationsSources: [{ sourceType: "Alert", minimalSeverity: "Low" }] });
    expect(contactOf(contactDraftOf(sent))).toEqual(sent);
  });
  it("of no role switch that off", () => {
    expect(contactOf({ ...contactDraftOf(null), roles: [] }).notificationsByRole?.state).toBe("Off");
    expect(contactDraftOf({ notificationsByRole: { state: "Off", roles: ["Owner"] } }).roles).toEqual([]);
  });
  it("name the address that is none", () => {
    expect(contactProblem({ ...contactDraftOf(null), emails: "a@x.example\nnobody" })).toBe("“nobody” is no e-mail address.");
    expect(contactProblem(contactDraftOf(null))).toBeUndefined();
  });
});
