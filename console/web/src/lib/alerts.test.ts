import { describe, expect, it } from "vitest";
import type { AlertEntity, AlertRow, Party } from "../api/alertTypes";
import { daysAsked, entityText, groupAlerts, isSample, OPEN, plainTitle, sharesOf, statusAsked, subjectOf, wholeDays } from "./alerts";
import { shortName } from "./ids";
import { partyName, resourcesOf } from "./incidents";
import { inOrder, INTENTS, tacticAddress, techniqueAddress } from "./killChain";

const alert = (id: string, more: Partial<AlertRow> = {}): AlertRow => ({
  id, detection: "d", title: "T", description: "", severity: "Low", status: "Active", intents: [], techniques: [], start: "2026-11-01T00:00:00Z", end: "2026-11-01T00:00:00Z", nEvents: 1, sources: [],
  connector: "c", account: "a", subscription: "s", keptAt: "", statusChangedAt: "", ...more,
});

describe("filters of alerts", () => {
  it("show what is open unless another state is asked for", () => {
    expect([statusAsked(""), statusAsked("Resolved"), statusAsked("any")]).toEqual([OPEN, "Resolved", undefined]);
  });
  it("take only whole days from the address", () => {
    expect(["", "7", "365", "0", "-1", "1e3", "70000"].map(daysAsked)).toEqual(["30", "7", "365", "30", "30", "30", "30"]);
  });
});

describe("alerts", () => {
  it("that are samples are told by their title", () => {
    expect([isSample("[SAMPLE ALERT] A"), plainTitle("[SAMPLE ALERT] A"), isSample("A"), plainTitle("A")]).toEqual([true, "A", false, "A"]);
  });
  it("are about the resource, else what the log names, else the account", () => {
    expect([alert("1", { resource: "r", compromised: "h" }), alert("2", { compromised: "h" }), alert("3")].map(subjectOf)).toEqual(["r", "h", "a"]);
  });
  it("are grouped with the gravest group first and keep their order", () => {
    const rows = [
      alert("1", { detection: "a", title: "[SAMPLE ALERT] A" }), alert("2", { detection: "b", severity: "High", end: "2026-11-03T00:00:00Z" }), alert("3", { detection: "a" }), alert("4", { detection: "b", severity: "Medium" }), alert("5", { detection: "c" }),
    ];
    const groups = groupAlerts(rows, "detection");
    expect(groups.map((group) => [group.key, group.title, group.severity, group.rows.map((row) => row.id).join(), group.end.slice(0, 10)])).toEqual([
      ["b", "T", "High", "2,4", "2026-11-03"], ["a", "A", "Low", "1,3", "2026-11-01"], ["c", "T", "Low", "5", "2026-11-01"],
    ]);
    expect(groupAlerts(rows, "resource").map((group) => group.key)).toEqual(["a"]);
  });
  it("by day have no gaps and end today", () => {
    const days = wholeDays([{ day: "2026-10-31", counts: { High: 2 } }, { day: "2026-10-01", counts: { Low: 1 } }], 2, Date.parse("2026-11-01T00:30:00Z"));
    expect(days).toEqual([{ day: "2026-10-30", counts: {} }, { day: "2026-10-31", counts: { High: 2 } }, { day: "2026-11-01", counts: {} }]);
  });
  it("have shares of every severity", () => {
    expect(sharesOf({ Low: 3 }).map((share) => share.count)).toEqual([0, 0, 3, 0]);
  });
});

describe("entities", () => {
  it("are told by the name that people know, with the rest behind it", () => {
    const ip: AlertEntity = { type: "ip", address: "203.0.113.1", port: "22", location: { countryCode: "DE", city: null } };
    expect(entityText(ip)).toEqual({ title: "IP address", name: "203.0.113.1", more: [{ name: "Port", text: "22" }, { name: "Country code", text: "DE" }] });
    expect(entityText({ type: "process", commandLine: "sh", imageFile: { type: "file", name: "/bin/sh" } })).toEqual({ title: "Process", name: "sh", more: [{ name: "Name", text: "/bin/sh" }] });
    expect(entityText({ type: "account", name: "anna", uid: "anna" }).more).toEqual([]);
    expect(entityText({ type: "odd" })).toEqual({ title: "Odd", name: "(no name)", more: [] });
  });
  it("that alerts share come with what is attacked first, each name once", () => {
    const shared: Party[] = [{ type: "ip", id: "10.0.0.1" }, { type: "cloud-resource", id: "web-1" }, { type: "host", id: "WEB-1" }, { type: "account", id: "1", name: "anna" }];
    const { first, nOthers } = resourcesOf(shared, 2);
    expect([first.map(partyName), nOthers]).toEqual([["web-1", "anna"], 1]);
  });
  it("are called by the end of an id, but an address keeps its colons", () => {
    expect(["arn:aws:s3:::bucket", "/subscriptions/1/virtualMachines/vm", "fe80::1", "/dev/shm/x"].map(shortName)).toEqual(["bucket", "vm", "fe80::1", "/dev/shm/x"]);
  });
});

describe("the kill chain", () => {
  it("has sixteen steps, and puts what was seen in their order", () => {
    expect(INTENTS).toHaveLength(16);
    expect(inOrder(["Impact", "Later", "InitialAccess", "Impact"])).toEqual(["InitialAccess", "Impact", "Later"]);
  });
  it("leads to ATT&CK where that has a word", () => {
    expect([tacticAddress("Impact"), tacticAddress("Probing")]).toEqual(["https://attack.mitre.org/tactics/TA0040/", undefined]);
    expect([techniqueAddress("T1059"), techniqueAddress("t1059.001"), techniqueAddress("javascript:alert(1)")]).toEqual([
      "https://attack.mitre.org/techniques/T1059/", "https://attack.mitre.org/techniques/T1059/001/", undefined,
    ]);
  });
});
