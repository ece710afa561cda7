// Made-up standards: one as large as the largest real one.
import { ASSESSMENTS, RECOMMENDATIONS } from "./estate.mjs";

const STATES = ["Passed", "Failed", "Manual", "Unknown", "NotCovered", "NotApplicable"];

const checks = Object.fromEntries(RECOMMENDATIONS.map((one) => {
  const count = (status) => ASSESSMENTS.filter((row) => row.recommendation === one.id && row.status === status).length;
  return [one.id, { title: one.title, severity: one.severity, recommendation: one.id, healthy: count("Healthy"), unhealthy: count("Unhealthy"), unknown: count("Unknown"), notApplicable: count("NotApplicable") }];
}));
checks["sshd-root-login-refused"] = { title: "sshd refuses root logins", severity: "High", recommendation: "machine-security-configuration-met", healthy: 3, unhealthy: 9, unknown: 0, notApplicable: 0 };

function leaf(id, state, at) {
  const isChecked = !["Manual", "NotCovered"].includes(state);
  return {
    id, title: `What the standard asks for in words of our own, number ${at + 1}`, state, attested: false, passed: isChecked ? 3 : 0, failed: state === "Failed" ? 9 : 0, unknown: state === "Unknown" ? 2 : 0, notApplicable: 0,
    checks: isChecked ? RECOMMENDATIONS.slice(at % 9, (at % 9) + 3).map((one) => one.id).concat("sshd-root-login-refused") : [], ...(state === "Manual" ? { manual: "Review how sites and clouds are connected." } : {}),
  };
}

function standard(id, title, nSections, nControls) {
  const controls = Array.from({ length: nSections }, (_, section) => ({
    id: String(section + 1), title: `Section ${section + 1}`, state: "Failed", attested: false, passed: 0, failed: 0, unknown: 0, notApplicable: 0, checks: [],
    controls: Array.from({ length: nControls }, (_, at) => leaf(`${section + 1}.${at + 1}`, STATES[(section + at) % STATES.length], at)),
  }));
  const controlsByState = {};
  for (const { state } of controls.flatMap((section) => section.controls)) controlsByState[state] = (controlsByState[state] ?? 0) + 1;
  const percentage = controlsByState.Passed / (controlsByState.Passed + controlsByState.Failed);
  return { id, title, description: "A standard that is made up.", version: "1", environments: ["aws"], custom: false, state: "Failed", controlsByState, percentage, controls, checks };
}

const STANDARDS = [standard("mcsb-v1", "Microsoft cloud security benchmark v1", 3, 6), standard("nist-800-53-r5", "NIST SP 800-53 Revision 5", 20, 27)];

const history = Array.from({ length: 24 }, (_, day) => {
  const failed = 30 - day;
  return { at: `2026-11-${String(day + 1).padStart(2, "0")}T08:30:00Z`, passed: 10 + day, failed, unknown: day % 5, percentage: (10 + day) / 40 };
});

export function compliance(id, part) {
  if (!id) return { items: STANDARDS.map(({ controls, checks: _, ...row }) => row) };
  const known = STANDARDS.find((one) => one.id === id);
  if (known && part === "attestations") return { items: [] };
  return known && part === "history" ? { items: history } : known;
}
