// Made-up alerts over three weeks, incidents of them, log inputs in every state, and suppression rules.
const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();

const KINDS = [
  ["ssh-brute-force", "Suspicious logons over SSH", "VirtualMachines", "Medium", ["InitialAccess", "CredentialAccess"], ["T1110.001"]],
  ["web-shell", "A web server started a shell", "AppServices", "High", ["Execution", "Persistence"], ["T1505.003", "T1059"]],
  ["bucket-public", "A bucket was opened to everybody", "StorageAccounts", "High", ["Exfiltration"], ["T1537"]],
  ["miner-name", "A mining pool was asked for", "Dns", "Low", ["Impact"], ["T1496.001"]],
  ["key-read-many", "Many secrets read at once", "KeyVaults", "Medium", ["CredentialAccess", "Discovery"], ["T1555"]],
  ["log-cleared", "A log was cleared", "VirtualMachines", "Informational", ["DefenseEvasion"], ["T1070"]],
];
const HOSTS = ["web-1.shop.example", "db-1.shop.example", "arn:aws:s3:::shop-invoices", "build-7.shop.example"];

let alerts = Array.from({ length: 130 }, (_, at) => {
  const [detection, title, plan, severity, intents, techniques] = KINDS[(at * 7) % KINDS.length];
  const host = HOSTS[(at * 5) % HOSTS.length];
  const hours = 1 + ((at * 37) % 500);
  return {
    id: String(at + 1).padStart(32, "0"), name: `1_${at}`, detection, title: at % 11 === 0 ? `[SAMPLE ALERT] ${title}` : title, description: `${host} did what it never did before: ${title.toLowerCase()}.`, severity,
    status: ["Active", "Active", "InProgress", "Resolved", "Dismissed"][at % 5], plan, intents, techniques, start: ago(hours + (at % 4)), end: ago(hours), nEvents: 1 + ((at * 13) % 90), compromised: host,
    why: at % 3 === 0 ? "It is the first time in 43 days that this account signs in from this country." : null, sources: ["linux-auth"], connector: "aws", account: "111122223333", subscription: "111122223333",
    resource: null, incident: at % 4 === 0 ? "incident-1" : at === 3 || at === 7 ? "incident-2" : null, suppressedBy: at % 5 === 4 ? "known-scanner" : null, keptAt: ago(hours), statusChangedAt: ago(hours), statusChangedBy: at % 5 > 1 ? "anna" : null,
  };
}).sort((a, b) => b.end.localeCompare(a.end));

const detail = (row) => ({
  ...row, remediation: ["Look whether the account is used by its owner.", "If not, end its sessions and change its password."],
  evidence: [{ field: "outcome", expected: "is `failure`", actual: "failure" }, { field: "src_endpoint.ip", expected: "is on a list of known attackers", actual: "203.0.113.66" }],
  entities: [{ type: "ip", address: "203.0.113.66", location: { countryCode: "NL", city: null } }, { type: "account", name: "deploy", uid: "1001" }, { type: "host", hostName: row.compromised }, { type: "process", commandLine: "/bin/sh -c id", processId: "4711" }],
  events: Array.from({ length: row.nEvents }, (_, at) => `${row.id}-${at}`), firstEvent: { class_uid: 3002, time: Date.parse(row.start), src_endpoint: { ip: "203.0.113.66" }, user: { name: "deploy" }, status: "Failure" },
  raw: `Nov 12 03:12:09 ${row.compromised} sshd[811]: Failed password for deploy from 203.0.113.66 port 40022 ssh2`,
});

const INCIDENTS = [["incident-1", "Security incident: compromised machine", "compromised-machine", "High", 2], ["incident-2", "Security incident: 2 steps of an attack around web-1.shop.example", null, "Medium", 0]];
const statuses = new Map();

function incidentOf([id, title, kind, severity, nHidden]) {
  const own = alerts.filter((one) => one.incident === id);
  return {
    id, kind, title, severity, status: statuses.get(id) ?? "Active", start: own.at(-1).start, end: own[0].end, nAlerts: own.length, nHidden, intents: [...new Set(own.flatMap((one) => one.intents))], mergedInto: null, statusChangedAt: own[0].end, statusChangedBy: null,
    shared: nHidden > 0 ? [] : [{ type: "host", id: "web-1.shop.example" }, { type: "ip", id: "203.0.113.66" }, { type: "account", id: "1001", name: "deploy" }],
  };
}

function incidentDetail(one) {
  const own = alerts.filter((alert) => alert.incident === one[0]);
  return {
    ...incidentOf(one), description: one[2] && "Several detections saw one machine, each further along an attack than one before.", remediation: one[2] ? ["Take the machine off the network.", "Close the way in that the first alert shows."] : [],
    timeline: own.map((alert) => ({ time: alert.start, alert: alert.id, intent: alert.intents[0], text: alert.title })).reverse(), alerts: own,
  };
}

const input = (id, source, sourceTitle, from, state, more) => ({
  id, source, sourceTitle, from, takesPosts: from === "http", state, nTexts: 120_441, nBytes: 48_223_190, nEvents: 120_322, nRepeated: 41, nBad: 0, perSecond: 12.4, lagSeconds: 3, behind: null, lastReceived: ago(0.001), lastEvent: ago(0.002), problem: null, nFailures: 0, badLines: [], badLinesUnread: null, ...more,
});
const NOTHING = { nTexts: 0, nBytes: 0, nEvents: 0, nRepeated: 0, perSecond: 0, lagSeconds: null, lastReceived: null, lastEvent: null };

const logInputs = () => ({
  since: ago(52), items: [
    input("auth", "linux-auth", "Linux logins and accounts", "file", "Reading"),
    input("trail", "aws-cloudtrail", "AWS CloudTrail", "s3", "Failing", { perSecond: 0, lagSeconds: 5_400, lastReceived: ago(1.4), lastEvent: ago(1.5), nFailures: 88, behind: 412, problem: { reason: "asking the queue skywarden-trail for messages was refused: sqs:ReceiveMessage is missing; allow it to the role that the server logs in with", since: ago(1.4) } }),
    input("web", "http-access", "Web server access log", "syslog", "Quiet", { perSecond: 0, lagSeconds: 7_300, lastReceived: ago(2), lastEvent: ago(2), nBad: 3, badLines: [{ at: ago(2), reason: "it has no status where one stands", text: "203.0.113.66 - - [29/Nov/2026:12:10:01 +0000] \"GET /<img src=x onerror=alert(1)> HTTP/1.1\" - 512" }, { at: ago(3), reason: "it is no line of this log", text: "x".repeat(700) }] }),
    input("hub", "azure-activity", "Azure activity log", "kafka", "NothingYet", NOTHING),
  ],
  problems: [],
});

let rules = [
  { name: "known-scanner", subscription: "111122223333", properties: { alertType: "ssh-brute-force", reason: "Our own scanner", state: "Enabled", comment: "Agreed with the network team", expirationDateUtc: ago(-24 * 40), suppressionAlertsScope: { allOf: [{ field: "entities.ip.address", in: ["203.0.113.66", "203.0.113.67"] }, { field: "entities.host.hostName", contains: "build" }] } } },
  { name: "old-test", subscription: "444455556666", properties: { alertType: "*", reason: "A test of last year", state: "Enabled", expirationDateUtc: ago(24 * 30) } },
];

const ruleOf = ({ subscription, name, properties }) => ({ id: `/subscriptions/${subscription}/providers/Microsoft.Security/alertsSuppressionRules/${name}`, name, type: "Microsoft.Security/alertsSuppressionRules", properties });

/** ARM's routes of suppression rules and of sample alerts; `undefined` for any other. */
export function armThreats(method, path, body) {
  const [, , subscription, , , kind, name] = path.split("/");
  if (path.endsWith("/alerts/default/simulate")) {
    alerts = [...body.properties.bundles.map((bundle, at) => ({ ...alerts[at], id: `${Date.now()}${at}`.padStart(32, "f"), title: `[SAMPLE ALERT] Sample of ${bundle}`, status: "Active", start: ago(0), end: ago(0), incident: null })), ...alerts];
    return { status: 200, body: {} };
  }
  if (kind !== "alertsSuppressionRules") return undefined;
  const own = rules.filter((one) => one.subscription === subscription);
  if (method === "GET" && !name) return { status: 200, body: { value: own.map(ruleOf) } };
  rules = rules.filter((one) => one.subscription !== subscription || one.name !== name);
  if (method === "DELETE") return { status: 204 };
  const made = { subscription, name, properties: body.properties };
  rules = [...rules, made];
  return { status: 200, body: ruleOf(made) };
}

function find(query) {
  const words = (name) => query.get(name)?.toLowerCase().split(",");
  const since = query.get("days") ? ago(24 * Number(query.get("days"))) : "";
  return alerts.filter((one) => ["status", "severity", "plan", "detection"].every((name) => !words(name) || words(name).includes(one[name].toLowerCase())) && one.end >= since && (!query.get("q") || `${one.title} ${one.compromised} 203.0.113.66 deploy`.toLowerCase().includes(query.get("q").toLowerCase())));
}

function counts(found) {
  const by = (name) => found.reduce((all, one) => ({ ...all, [one[name]]: (all[one[name]] ?? 0) + 1 }), {});
  const days = [...new Set(found.map((one) => one.end.slice(0, 10)))].sort();
  return { total: found.length, severity: by("severity"), status: by("status"), plan: by("plan"), days: days.map((day) => ({ day, counts: bySeverity(found.filter((one) => one.end.startsWith(day))) })) };
}

const bySeverity = (found) => found.reduce((all, one) => ({ ...all, [one.severity]: (all[one.severity] ?? 0) + 1 }), {});

/** What `/api/v1` answers of alerts, incidents and log inputs; `undefined` where there is no such thing. */
export function threats([kind, id], method, query, body, page) {
  if (kind === "logInputs") return logInputs();
  if (method === "POST") {
    const wanted = new Set(body.ids);
    if (kind === "incidents") wanted.forEach((one) => statuses.set(one, body.status));
    alerts = alerts.map((one) => (wanted.has(kind === "alerts" ? one.id : one.incident) ? { ...one, status: body.status, statusChangedBy: "administrator", statusChangedAt: ago(0) } : one));
    return { changed: wanted.size };
  }
  if (kind === "incidents" && id) return INCIDENTS.filter((one) => one[0] === id).map(incidentDetail)[0];
  if (kind === "incidents") return page(INCIDENTS.map(incidentOf).filter((one) => !query.get("status") || query.get("status").includes(one.status)), query);
  if (id === "counts") return counts(find(query));
  return id ? alerts.filter((one) => one.id === id).map(detail)[0] : page(find(query), query);
}
