import { describe, expect, it } from "vitest";
import type { AlertRow, LogInput, Moment } from "../api/alertTypes";
import type { Plan, PlanSubscription } from "../api/planTypes";
import { behindText, bytesText, countStates, durationText, inOrderOfNeed, kindText, rateText, toneOf } from "./logInputs";
import { coverageOfAll, protectionsOf } from "./protection";
import { timelineOf } from "./timeline";

const moment = (alert: string, time: string, intent: string): Moment => ({ alert, time: `2026-11-01T${time}Z`, intent, text: alert });
const incident = (timeline: Moment[]) => ({ timeline, alerts: timeline.map((one) => ({ id: one.alert, severity: "High", compromised: "arn:aws:s3:::b", account: "1" }) as AlertRow) });

describe("a time line", () => {
  it("goes from edge to edge, with the steps of an attack below each other", () => {
    const { lanes, marks, ticks } = timelineOf(incident([moment("b", "02:00:00", "Impact"), moment("a", "00:00:00", "InitialAccess"), moment("c", "01:00:00", "Impact")]), "step", [100, 500]);
    expect(lanes.map((lane) => lane.title)).toEqual(["Initial access", "Impact"]);
    expect(marks.map((mark) => [mark.id, mark.x])).toEqual([["a", 100], ["c", 300], ["b", 500]]);
    expect([ticks[0]?.x, ticks.at(-1)?.x]).toEqual([100, 500]);
    expect(new Set(marks.map((mark) => mark.severity))).toEqual(new Set(["High"]));
  });
  it("puts marks that would cover each other above each other, as far as there is room", () => {
    const { lanes, marks, height } = timelineOf(incident(Array.from({ length: 9 }, (_, at) => moment(String(at), "00:00:00", "Impact"))), "step", [0, 400]);
    expect(new Set(marks.map((mark) => mark.y)).size).toBe(5);
    expect(marks.every((mark) => mark.x === 200)).toBe(true);
    expect([lanes.length, height]).toEqual([1, lanes[0]?.height]);
  });
  it("can be laid out by what was attacked, and be empty", () => {
    expect(timelineOf(incident([moment("a", "00:00:00", "Impact")]), "subject", [0, 9]).lanes.map((lane) => lane.title)).toEqual(["b"]);
    expect(timelineOf({ timeline: [moment("gone", "00:00:00", "Impact")], alerts: [] }, "subject", [0, 9]).lanes.map((lane) => lane.title)).toEqual(["Not known"]);
    expect(timelineOf(incident([]), "step", [0, 9])).toEqual({ lanes: [], marks: [], ticks: [], height: 0 });
  });
});

describe("log inputs", () => {
  const input = (id: string, state: LogInput["state"]) => ({ id, state }) as LogInput;
  const inputs = [input("a", "Reading"), input("b", "Quiet"), input("c", "Failing"), input("d", "NothingYet")];
  it("that need a person come first, and none that failed or is unknown passes for fine", () => {
    expect(inOrderOfNeed(inputs).map((one) => one.id)).toEqual(["c", "d", "b", "a"]);
    expect(countStates(inputs)).toEqual({ Healthy: 1, NotApplicable: 1, Unhealthy: 1, Unknown: 1 });
    expect(toneOf("Of a later version" as LogInput["state"])).toBe("Unknown");
  });
  it("tell how much comes", () => {
    expect([rateText(0), rateText(0.05), rateText(4.25), rateText(1234.4)]).toEqual(["None in the last minute", "3 a minute", "4.25 a second", "1,234 a second"]);
    expect([bytesText(0), bytesText(999), bytesText(48_223_190), bytesText(1e19)]).toEqual(["0 bytes", "999 bytes", "48.2 MB", "10,000 PB"]);
    expect([-3, 1, 61, 7_300, 200_000].map(durationText)).toEqual(["0 seconds", "1 second", "1 minute", "2 hours", "2 days"]);
    expect([behindText({ from: "file", behind: 2_000 }), behindText({ from: "kafka", behind: 1 }), behindText({ from: "syslog", behind: null })]).toEqual(["2 KB", "1 message", "Not told by this kind of input"]);
    expect([kindText("s3"), kindText("later")]).toEqual(["Amazon S3", "later"]);
  });
});

describe("workload protection", () => {
  const plan = (name: string, more: Partial<Plan> = {}): Plan => ({ name, title: name, description: "", brings: [{ title: `${name} alerts`, built: false }], subPlans: [], extensions: [], ...more });
  const subscription = (tiers: Record<string, "Free" | "Standard">): PlanSubscription => ({
    id: "s", displayName: "", connector: "c", pricings: Object.entries(tiers).map(([name, tier]) => ({ plan: name, tier, inherited: false, enforce: false, extensions: [] })),
  });
  const plans = [plan("A"), plan("B", { brings: [{ title: "B alerts", built: true }] }), plan("Old", { replacedBy: ["B"] })];
  it("counts a subscription as covered in full only if each plan is on", () => {
    const subscriptions = [subscription({ A: "Standard", B: "Standard", Old: "Free" }), subscription({ A: "Free", B: "Standard" }), subscription({ A: "Standard" }), subscription({ A: "Free", B: "Free" }), subscription({}), subscription({ A: "Free" })];
    expect(coverageOfAll({ plans, subscriptions })).toEqual({ full: 1, part: 2, none: 1, unknown: 2 });
  });
  it("tells what is not built, and of a plan that was replaced nothing", () => {
    const found = protectionsOf({ plans, subscriptions: [subscription({ A: "Standard", B: "Free" })] });
    expect(found.map((one) => [one.title, one.isBuilt, one.counts.on])).toEqual([["A alerts", false, 1], ["B alerts", true, 0]]);
  });
});
