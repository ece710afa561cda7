// What /api/v1 answers about the made-up estate. Exemptions are kept in memory and change the score as the real server's do.
import { compliance } from "./compliance.mjs";
import { connectorRows, missingPermissions } from "./connectors.mjs";
import { ASSESSMENTS, CONTROLS, DENIED, RECOMMENDATIONS, RESOURCES } from "./estate.mjs";
import { audit } from "./audit.mjs";
import { authorization, isSignedIn, outside, ownSession, people, sees, setUp } from "./people.mjs";
import { arm, plans } from "./plans.mjs";
import { policy } from "./policy.mjs";
import { armThreats, threats } from "./threats.mjs";

let exemptions = [];
let isSampleThere = true;
const RANK = { Unhealthy: 0, Unknown: 1, Healthy: 2, NotApplicable: 3 };

const isThere = ({ connector, account }) => (isSampleThere || connector !== "sample") && sees(account);

function verdicts() {
  return ASSESSMENTS.filter(isThere).map((row) => {
    const exemption = exemptions.find((one) => one.recommendation === row.recommendation && !one.finding && (one.scope.kind === "tenant" || one.scope.id === row.resource));
    if (!exemption) return row;
    return { ...row, status: "NotApplicable", cause: { code: exemption.category === "Waiver" ? "Exempt" : "ExemptMitigated", message: exemption.reason } };
  });
}

const resources = () => RESOURCES.filter((one) => isThere(one.scope));
const tally = (rows) => rows.reduce((counts, row) => ({ ...counts, [row.status]: (counts[row.status] ?? 0) + 1 }), { Healthy: 0, Unhealthy: 0, NotApplicable: 0, Unknown: 0 });
const lower = (counts) => ({ healthy: counts.Healthy, unhealthy: counts.Unhealthy, unknown: counts.Unknown, notApplicable: counts.NotApplicable });

function scoreOf(rows) {
  const controls = CONTROLS.map((control) => {
    const ids = new Set(RECOMMENDATIONS.filter((one) => one.control === control.id).map((one) => one.id));
    const worst = new Map();
    for (const row of rows.filter((one) => ids.has(one.recommendation))) {
      const known = worst.get(row.resource);
      if (known === undefined || RANK[row.status] < RANK[known]) worst.set(row.resource, row.status);
    }
    const counts = lower(tally([...worst.values()].map((status) => ({ status }))));
    const { healthy: h, unhealthy: u, unknown: k } = counts;
    const share = (part, whole) => (whole > 0 ? part / whole : 0);
    return { ...control, current: control.max * share(h, h + u), percentage: share(h, h + u), range: [control.max * share(h, h + u + k), control.max * share(h + k, h + u + k)], potentialIncrease: control.max * share(u, h + u), ...counts };
  }).filter((control) => control.healthy + control.unhealthy + control.unknown > 0);
  const scored = controls.filter((control) => control.healthy + control.unhealthy > 0);
  const sum = (list, value) => list.reduce((total, one) => total + value(one), 0);
  const max = sum(scored, (one) => one.max);
  const all = sum(controls, (one) => one.max) || 1;
  const judged = sum(scored, (one) => one.healthy + one.unhealthy);
  return {
    current: sum(scored, (one) => one.current), max, percentage: max ? sum(scored, (one) => one.current) / max : 0, weight: judged,
    coverage: judged / (judged + sum(controls, (one) => one.unknown) || 1), range: [sum(controls, (one) => one.range[0]) / all, sum(controls, (one) => one.range[1]) / all], controls,
  };
}

const connectors = () => [
  { id: "host", displayName: "This machine", environment: "OnPremise", sample: false },
  { id: "sample", displayName: "Sample AWS account", environment: "Aws", sample: true },
].filter((one) => isSampleThere || one.id !== "sample");

const coverageItems = () => ["AWS::S3::Bucket", "AWS::IAM::User", "AWS::RDS::DBInstance", "AWS::EC2::SecurityGroup", "AWS::Lambda::Function"].flatMap((type, index) =>
  ["eu-central-1", "eu-west-1", "us-east-1"].map((region, at) => {
    const reason = { ...DENIED, operation: `List${type.split("::")[2]}s`, permission: `${type.split("::")[1].toLowerCase()}:List${type.split("::")[2]}s` };
    const state = (index + at) % 7 === 3 ? "failed" : (index + at) % 7 === 5 ? "partial" : (index * at) % 5 === 4 ? "skipped" : "complete";
    const outcome = state === "skipped" ? { state, reason: "the region is not enabled for this account" } : state === "complete" ? { state, nResources: 12 + index } : { state, reason, ...(state === "partial" ? { nResources: 100 } : {}) };
    const denied = index === 0 && at < 2 ? [{ fields: ["properties.Policy", "properties.PublicAccessBlock"], nResources: 14, reason: DENIED }] : [];
    return { type, account: "111122223333", region, outcome, denied };
  }),
);

function overview() {
  const rows = verdicts();
  const score = scoreOf(rows);
  const accounts = [...new Set(rows.map((row) => `${row.connector} ${row.account}`))];
  const trend = Array.from({ length: 24 }, (_, day) => {
    const drop = (23 - day) * 0.006 + Math.sin(day) * 0.01;
    return { at: `2026-11-${String(day + 1).padStart(2, "0")}T08:30:00Z`, percentage: Math.max(0, score.percentage - drop), range: [Math.max(0, score.range[0] - drop - 0.004 * (23 - day)), Math.min(1, score.range[1] - drop + 0.002 * (23 - day))], coverage: score.coverage };
  });
  const coverage = { complete: 0, partial: 0, failed: 0, skipped: 0, denied: 0 };
  for (const item of coverageItems()) {
    coverage[item.outcome.state] += 1;
    coverage.denied += item.denied.length;
  }
  return {
    secureScore: score, connectors: connectors(), assessments: tally(rows), resources: resources().length, trend, coverage,
    unhealthyResources: new Set(rows.filter((row) => row.status === "Unhealthy").map((row) => row.resource)).size,
    subscriptions: accounts.map((key) => {
      const [connector, account] = key.split(" ");
      const { controls, ...headline } = scoreOf(rows.filter((row) => row.connector === connector && row.account === account));
      return { connector, account, at: "2026-11-24T08:30:00Z", score: headline };
    }),
  };
}

function recommendationRows() {
  const rows = verdicts();
  return RECOMMENDATIONS.map((one) => ({
    ...one, key: one.id, effort: "Low", userImpact: "Low", maturity: "stable", controlTitle: CONTROLS.find((control) => control.id === one.control).title,
    environment: one.type.startsWith("AWS") ? "Aws" : "OnPremise", sample: one.type.startsWith("AWS"), ...lower(tally(rows.filter((row) => row.recommendation === one.id))),
  })).filter((one) => isSampleThere || !one.sample);
}

function recommendation(id) {
  const one = RECOMMENDATIONS.find((candidate) => candidate.id === id);
  if (!one) return undefined;
  const file = {
    ...one, description: "Whoever finds the resource can read what it holds. Attackers scan for such mistakes within minutes.", effort: "Low", user_impact: "Moderate", threats: ["dataExfiltration", "accountBreach"],
    categories: ["Data"], compliance: { "mcsb-v1": ["NS-2", "DP-3"], "cis-aws-5.0": ["2.1.4"] }, maturity: "stable",
    remediation: {
      steps: "Open the resource in the provider's console and switch the setting on.\nThen check that nothing else relied on it.", cli: `aws s3api put-public-access-block --bucket {name} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true`,
      terraform: 'resource "aws_s3_bucket_public_access_block" "this" {\n  bucket              = aws_s3_bucket.this.id\n  block_public_acls   = true\n  ignore_public_acls  = true\n}\n', links: ["https://docs.example.com/s3"],
    },
  };
  const control = CONTROLS.find((candidate) => candidate.id === one.control);
  return { recommendation: file, key: id, control, counts: tally(verdicts().filter((row) => row.recommendation === id)) };
}

const found = (text, ...parts) => !text || parts.some((part) => part.toLowerCase().includes(text.toLowerCase()));

function page(all, query) {
  const start = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  return { items: all.slice(start, start + limit), ...(start + limit < all.length ? { next: String(start + limit) } : {}) };
}

function assessments(query) {
  const rows = verdicts().filter((row) => (!query.get("recommendation") || row.recommendation === query.get("recommendation")) && (!query.get("status") || row.status === query.get("status")) && found(query.get("q"), row.resource, row.name));
  return { ...page(rows.sort((a, b) => RANK[a.status] - RANK[b.status]), query), counts: tally(rows) };
}

function resourceList(query) {
  const rows = verdicts();
  const all = resources().map((one) => {
    const counts = lower(tally(rows.filter((row) => row.resource === one.id)));
    const tags = Object.fromEntries(Object.entries(one.tags).map(([key, value]) => [key, value.slice(0, 256)]));
    return { id: one.id, type: one.type, name: one.name, connector: one.scope.connector, account: one.scope.account, location: one.scope.resourceGroup, tags, stale: one.isStale, ...counts };
  }).filter((row) => ["type", "connector", "account", "location"].every((key) => !query.get(key) || row[key] === query.get(key)) && found(query.get("q"), row.id, row.name) && (!query.get("status") || row[query.get("status").toLowerCase()] > 0));
  return { ...page(all, query), total: all.length };
}

function facets() {
  const count = (value) => Object.entries(resources().reduce((counts, one) => ({ ...counts, [value(one)]: (counts[value(one)] ?? 0) + 1 }), {})).map(([name, number]) => ({ value: name, count: number }));
  return { types: count((one) => one.type), connectors: count((one) => one.scope.connector), accounts: count((one) => one.scope.account), locations: count((one) => one.scope.resourceGroup) };
}

function resource(id) {
  const { isStale, ...one } = resources().find((candidate) => candidate.id === id) ?? {};
  if (!one.id) return undefined;
  return { resource: one, facts: { exposure: { level: "Internet", paths: [{ via: "security group sg-1", port: 22 }] } }, assessments: verdicts().filter((row) => row.resource === id) };
}

const changes = () => verdicts().filter((row) => row.status === "Unhealthy").map((row, at) => ({ recommendation: row.recommendation, resource: row.resource, kind: ["Opened", "Reopened", "Resolved", "Changed", "Gone"][at % 5], at: row.statusChangedAt, from: at % 2 ? "Healthy" : null, to: at % 5 === 4 ? null : "Unhealthy" })).sort((a, b) => b.at.localeCompare(a.at)).slice(0, 500);

/** The status and body for a request, or `undefined` where the route does not exist. */
export function answer(method, url, body) {
  const path = decodeURIComponent(url.pathname.replace("/api/v1", ""));
  const query = url.searchParams;
  const isOutside = url.pathname.startsWith("/api/") && outside(method, path, body);
  if (isOutside) return isOutside;
  if (!isSignedIn()) return { status: 401, body: { error: { code: "AuthenticationFailed", message: "log in" } } };
  const missing = { status: 404, body: { error: { code: "ResourceNotFound", message: "there is no such thing here" } } };
  const given = (value) => (value === undefined ? missing : { status: 200, body: value });
  if (!url.pathname.startsWith("/api/")) return authorization(method, path, body) ?? armThreats(method, path, body) ?? arm(method, path, body) ?? missing;
  const parts = path.split("/").slice(1);
  if (parts[0] === "session") return ownSession(method, parts, body);
  if (parts[0] === "principals") return people(method, parts, body);
  if (parts[0] === "audit") return audit(parts[1], query);
  if (method === "POST" && path === "/set-up") return setUp(body);
  if (["alerts", "incidents", "logInputs"].includes(parts[0])) return given(threats(parts, method, query, body, page));
  if (path === "/plans") return given(plans());
  if (path === "/identity-providers") return given({ items: [{ id: "corp", name: "Corp SSO", issuer: "https://login.corp.example/realms/main", clientId: "skywarden", scopes: ["openid", "profile", "groups"], groupsClaim: "groups", source: "file" }] });
  if (method === "POST" && path === "/exemptions") {
    if (!body.reason?.trim()) return { status: 400, body: { error: { code: "BadRequest", message: "an exemption needs a reason" } } };
    const exemption = { ...body, id: String(exemptions.length + 1), createdAt: new Date().toISOString(), createdBy: "administrator" };
    exemptions = [...exemptions, exemption];
    return { status: 201, body: exemption };
  }
  if (method === "POST" && path === "/exemptions/bulk") {
    const all = verdicts().filter((row) => row.recommendation === body.recommendation);
    const { resources, matching, ...decision } = body;
    const wanted = resources ? all.filter((row) => resources.includes(row.resource)) : all.filter((row) => (!matching.status || row.status === matching.status) && found(matching.q, row.resource, row.name));
    if (matching && wanted.length !== matching.expected) return { status: 409, body: { error: { code: "Changed", message: `${wanted.length} resources match now` } } };
    const open = wanted.filter((row) => row.status !== "NotApplicable");
    const createdAt = new Date().toISOString();
    exemptions = [...exemptions, ...open.map((row) => ({ ...decision, id: `${createdAt} ${row.resource}`, scope: { kind: "resource", id: row.resource }, createdAt, createdBy: "administrator" }))];
    return { status: 201, body: { created: open.length, notApplicable: wanted.length - open.length } };
  }
  if (method === "POST" && path === "/exemptions/lift") {
    exemptions = exemptions.filter((one) => !body.ids.includes(one.id));
    return { status: 200, body: { lifted: body.ids.length } };
  }
  if (method === "DELETE") {
    const [, kind, id] = path.split("/");
    if (kind === "connectors") isSampleThere = isSampleThere && id !== "sample";
    else exemptions = exemptions.filter((one) => one.id !== id);
    return { status: 204 };
  }
  const [, first, second, third] = path.split("/");
  if (first === "recommendations") return given(second ? recommendation(second) : { items: recommendationRows() });
  if (first === "policy") return policy(second, query);
  if (first === "compliance") return given(compliance(second, third));
  const plain = { "/overview": overview, "/assessments": () => assessments(query), "/resources": () => resourceList(query), "/resources/facets": facets, "/resource": () => resource(query.get("id")), "/coverage": () => ({ items: coverageItems() }), "/changes": () => ({ items: changes() }), "/exemptions": () => ({ items: exemptions }), "/connectors": () => ({ items: connectorRows() }), "/missing-permissions": () => ({ items: missingPermissions() }) };
  return plain[path] ? given(plain[path]()) : missing;
}
