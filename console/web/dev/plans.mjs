// Made-up plans over made-up subscriptions, and the contacts of these.
const PLANS = [
  ["CloudPosture", "Cloud posture", "Finds and ranks what is set wrong in the cloud, beyond the free recommendations.", [], ["SensitiveDataDiscovery", "AgentlessVmScanning"]], ["VirtualMachines", "Servers", "Judges the settings and the software of machines, and watches what runs there.", ["P1", "P2"], ["AgentlessVmScanning"]],
  ["Containers", "Containers", "Judges clusters and registries, and watches what runs in them.", [], ["ContainerSensor", "AgentlessDiscoveryForKubernetes"]], ["StorageAccounts", "Storage", "Watches object storage for strange access and malware.", ["DefenderForStorageV2"], ["OnUploadMalwareScanning"]],
  ["SqlServers", "SQL databases", "Watches managed databases.", [], []], ["KeyVaults", "Key stores", "Watches keys and secrets.", [], []], ["Arm", "Control plane", "Watches what is done through the cloud's own API.", ["PerSubscription"], []], ["AI", "AI services", "Watches what is asked of models.", [], []],
].map(([name, title, description, subPlans, extensions]) => ({
  name, title, description, subPlans, extensions: extensions.map((one) => ({ name: one, title: one.replace(/([a-z])([A-Z])/g, "$1 $2") })),
  brings: ["Settings are judged by the baseline", "Missing updates are told", "Alerts from the log of the control plane", "Alerts from what runs", "Malware is looked for"].map((one, at) => ({ title: one, built: name !== "AI" && at < (name === "VirtualMachines" ? 2 : 1) })),
}));

const NAMES = [["111122223333", "shop-production", "aws"], ["444455556666", "billing", "aws"], ["fleet", "Own machines", "host"], ...Array.from({ length: 60 }, (_, at) => [String(700000000000 + at), `sandbox-${at}`, "aws"])];
let subscriptions = NAMES.map(([id, displayName, connector], at) => ({
  id, displayName, connector,
  pricings: PLANS.filter((_, n) => !(at === 2 && n === 7)).map((plan, n) => ({
    plan: plan.name, tier: (at + n) % 4 === 3 ? "Free" : "Standard", subPlan: (at + n) % 4 === 3 ? null : plan.subPlans.at(-1) ?? null, inherited: n % 2 === 0, inheritedFrom: n % 2 === 0 ? "/" : null, enforce: n === 1 && at === 0,
    enablementTime: "2026-11-10T08:00:00Z", freeTrialRemainingTime: at % 2 ? "P12DT3H" : "PT0S", extensions: plan.extensions.map((one, e) => ({ name: one.name, isEnabled: e === 0 })),
  })),
}));
const contacts = new Map([["444455556666", { emails: "soc@fernhollow.example;duty@fernhollow.example", phone: "+49 30 1234567", isEnabled: true, notificationsByRole: { state: "On", roles: ["Owner"] }, notificationsSources: [{ sourceType: "Alert", minimalSeverity: "Medium" }] }]]);

export const plans = () => ({ plans: PLANS, subscriptions });
const isTrue = (text) => text === "True";

/** ARM's routes below `/subscriptions` and `/tenants`. */
export function arm(method, path, body) {
  if (path === "/tenants") return { status: 200, body: { value: [{ id: "/tenants/t", tenantId: "8b3775a2-0000-4000-8000-000000000001", displayName: "Skywarden" }] } };
  if (path === "/subscriptions") return { status: 200, body: { value: subscriptions.map(({ id, displayName }) => ({ id: `/subscriptions/${id}`, subscriptionId: id, displayName })) } };
  const [, , id, third, namespace, kind, name] = path.split("/");
  if (third === "resourceGroups") return { status: 200, body: { value: id === "fleet" ? [] : ["eu-central-1", "eu-west-1", "us-east-1"].map((group) => ({ id: `/subscriptions/${id}/resourceGroups/${group}`, name: group })) } };
  if (namespace !== "Microsoft.Security") return undefined;
  if (kind === "securityContacts" && method === "GET") return contacts.has(id) ? { status: 200, body: { properties: contacts.get(id) } } : { status: 404, body: { error: { code: "ResourceNotFound", message: "there is no such contact" } } };
  if (kind === "securityContacts") contacts.set(id, body.properties);
  if (kind === "pricings") {
    const { pricingTier, subPlan, enforce, extensions = [] } = body.properties;
    const own = { plan: name, tier: pricingTier, subPlan: subPlan ?? null, inherited: false, inheritedFrom: null, enforce: isTrue(enforce), enablementTime: new Date().toISOString(), freeTrialRemainingTime: "P30D", extensions: extensions.map((one) => ({ name: one.name, isEnabled: isTrue(one.isEnabled) })) };
    subscriptions = subscriptions.map((one) => (one.id === id ? { ...one, pricings: [...one.pricings.filter((known) => known.plan !== name), own] } : one));
  }
  return { status: 200, body };
}
