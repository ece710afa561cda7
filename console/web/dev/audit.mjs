// A made-up audit log of 230 lines, which grows with what is changed here.
const hash = (n) => Array.from({ length: 64 }, (_, at) => ((n * 31 + at * at * 17) % 16).toString(16)).join("");
const ACTIONS = ["Microsoft.Authorization/roleAssignments/write", "Microsoft.Security/pricings/write", "Microsoft.Authorization/policyExemptions/write", "Microsoft.Authorization/principals/write", "Microsoft.Authorization/sessions/write"];
const OUTCOMES = ["Succeeded", "Succeeded", "Succeeded", "Failed (403)", "Succeeded", "Failed (409)"];
const PEOPLE = [["00000000-0000-4000-8000-000000000001", "Ada Lovelace"], ["00000000-0000-4000-8000-000000000002", "Grace Hopper"], ["installation", "The installation"]];

let lines = Array.from({ length: 230 }, (_, n) => ({
  number: n + 1, at: new Date(Date.UTC(2026, 10, 1, 8) + n * 5_000_000).toISOString(), principal: PEOPLE[n % 3][0], principalName: PEOPLE[n % 3][1], action: ACTIONS[n % 5],
  target: `/subscriptions/111122223333/providers/${ACTIONS[n % 5].replace("/write", "")}/object-${n}`, outcome: OUTCOMES[n % 6], address: n % 3 === 2 ? "127.0.0.1" : "192.0.2.17",
  details: n % 2 ? { role: "Security Reader", scope: "/subscriptions/111122223333", text: "<img src=x onerror=window.wasRun=1>" } : {}, hash: hash(n + 1),
}));

export function note(principal, action, target) {
  const sequence = lines.length + 1;
  lines = [...lines, { number: sequence, at: new Date().toISOString(), principal: principal.id, principalName: principal.displayName, action, target, outcome: "Succeeded", address: "127.0.0.1", details: {}, hash: hash(sequence) }];
}

/** `/api/v1/audit` and below. */
export function audit(part, query) {
  if (part === "verification") return { status: 200, body: { intact: true, lines: lines.length, newestHash: lines.at(-1).hash, firstBroken: null } };
  if (part === "export") return { status: 200, body: lines };
  const before = Number(query.get("before") ?? Number.MAX_SAFE_INTEGER);
  const top = Number(query.get("top") ?? 50);
  const action = (query.get("action") ?? "").toLowerCase();
  const found = lines.filter((line) => line.number < before && (!query.get("principal") || line.principal === query.get("principal")) && line.action.toLowerCase().includes(action)).reverse();
  const items = found.slice(0, top);
  return { status: 200, body: { items, next: found.length > top ? items.at(-1).number : null } };
}
