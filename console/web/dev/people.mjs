// Made-up people, roles and sessions, kept in memory. Signing in: `ada` (one-time code 123456), `grace`, `linus`; any password but `wrong`.
import { note } from "./audit.mjs";
import { BUILT_IN, MAY } from "./roles.mjs";

const guid = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const OWNER = BUILT_IN.find((role) => role.properties.roleName === "Owner").name;
const READER = BUILT_IN.find((role) => role.properties.roleName === "Security Reader").name;
const ADMIN = BUILT_IN.find((role) => role.properties.roleName === "Security Admin").name;
const at = (days) => new Date(Date.now() + days * 86_400_000).toISOString();

let nextId = 100;
let roles = [...BUILT_IN, { id: `/providers/Microsoft.Authorization/roleDefinitions/${guid(900)}`, name: guid(900), properties: { roleName: "Exemption Approver", type: "CustomRole", description: "May set recommendations aside, and read what they are about.", permissions: [{ actions: ["Microsoft.Security/*/read", "Microsoft.Authorization/policyExemptions/*"], notActions: [], dataActions: [], notDataActions: [] }], assignableScopes: ["/"] } }];
let assignments = [];
const assign = (principal, role, scope) => assignments.push({ id: `${scope === "/" ? "" : scope}/providers/Microsoft.Authorization/roleAssignments/${guid((nextId += 1))}`, principal, role, scope });

const person = (n, name, displayName, changes = {}) => ({ id: guid(n), kind: "User", name, displayName, state: "Enabled", createdAt: at(-40), provider: null, totp: false, lockedUntil: null, lastSignInAt: at(-1), groups: [], ...changes });
let principals = [
  person(1, "ada", "Ada Lovelace", { totp: true, lastSignInAt: at(0) }), person(2, "grace", "Grace Hopper", { lockedUntil: at(0.01) }), person(3, "linus", "Linus Example", { state: "Disabled", lastSignInAt: null }),
  person(4, "m.curie@corp.example", "Marie Curie", { provider: "corp", groups: [{ id: guid(20), displayName: "Cloud platform" }] }), person(5, "hostile", "<img src=x onerror=window.wasRun=1> \u202eeman a", { lastSignInAt: null }),
  person(6, "long", `${"A very long display name of somebody ".repeat(6)}`, {}),
  person(20, "cloud-platform", "Cloud platform", { kind: "Group", lastSignInAt: null }), person(30, "reporter", "Score reporter", { kind: "ServicePrincipal", lastSignInAt: null }),
];
assign(guid(1), OWNER, "/");
assign(guid(2), READER, "/subscriptions/111122223333");
assign(guid(2), guid(900), "/subscriptions/111122223333/resourceGroups/eu-central-1");
assign(guid(20), ADMIN, "/providers/Microsoft.Management/managementGroups/made-up");
assign(guid(30), READER, "/");
for (const account of ["111122223333", "444455556666", "fleet", "999900001111"]) assign(guid(6), READER, `/subscriptions/${account}`);

let credentials = [
  { owner: guid(30), id: guid(60), kind: "Secret", name: "Pipeline", createdAt: at(-30), expiresAt: at(60), lastUsedAt: at(-0.1), actions: null, scope: null },
  { owner: guid(30), id: guid(61), kind: "Token", name: "Old script", createdAt: at(-300), expiresAt: at(-3), lastUsedAt: null, actions: ["*/read"], scope: "/subscriptions/111122223333" },
  { owner: guid(1), id: guid(62), kind: "Token", name: "Laptop", createdAt: at(-3), expiresAt: at(87), lastUsedAt: null, actions: ["*/read"], scope: null },
];
let sessions = [
  { id: "s1", createdAt: at(-0.1), lastSeenAt: at(0), expiresAt: at(0.4), address: "127.0.0.1", agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36", current: true },
  { id: "s2", createdAt: at(-1), lastSeenAt: at(-0.3), expiresAt: at(0.2), address: "2001:db8::7", agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1", current: false },
];
/** Who is signed in: the id of a principal, `installation`, or nobody. */
let current = guid(1);
/** The same by the browser's cookie; one that was never seen is Ada's. */
const logins = new Map();
let isFirstRun = false;
let codesLeft = 9;
let invitations = new Map();

const failed = (status, code, message, headers) => ({ status, body: { error: { code, message } }, headers });
const missing = () => failed(404, "ResourceNotFound", "there is no such principal, or it is not visible to this login");
const roleName = (id) => roles.find((role) => role.name === id)?.properties.roleName ?? "Unknown role";
const rolesOf = (principal) => assignments.filter((own) => own.principal === principal).map((own) => ({ assignment: own.id, role: own.role, roleName: roleName(own.role), scope: own.scope }));
const shown = (one) => ({ ...one, roles: rolesOf(one.id) });
const isReader = () => current !== guid(1) && current !== "installation" && !rolesOf(current).some((own) => own.role === OWNER);

const isOfTenant = (action) => action.includes("principals") || action.includes("auditLog") || action.includes("logInputs");

function session() {
  const own = { expiresAt: at(0.4), version: "0.0.0-fixture" };
  if (current === "installation") return { ...own, id: "installation", name: "installation", displayName: "The installation", kind: "Installation", provider: null, totp: false, firstRun: isFirstRun, recoveryCodesLeft: 0, roles: [{ role: OWNER, roleName: "Owner", scope: "/" }], may: MAY, mayEverywhere: MAY };
  const one = principals.find((person) => person.id === current);
  const may = isReader() ? MAY.filter((action) => action.endsWith("/read") && !isOfTenant(action)) : MAY;
  return { ...own, id: one.id, name: one.name, displayName: one.displayName, kind: one.kind, provider: one.provider, totp: one.totp, firstRun: false, recoveryCodesLeft: one.totp ? codesLeft : 0, roles: rolesOf(one.id), may, mayEverywhere: isReader() ? [] : may };
}

/** What follows is asked with a browser's cookie, or with a token that was made here. */
export function useCookie(cookie, authorization = "") {
  current = authorization.startsWith("Bearer skw_") ? credentials.find((own) => own.id === authorization.split("_").at(-1))?.owner : logins.has(cookie) ? logins.get(cookie) : guid(1);
  if (current && current !== "installation" && !principals.some((one) => one.id === current && one.state === "Enabled")) current = undefined;
}

export const keepLogin = (cookie) => logins.set(cookie, current);

/** Whether the roles of who is signed in let them see an account. */
export function sees(account) {
  const scopes = current === "installation" ? ["/"] : rolesOf(current).map((own) => own.scope);
  return scopes.some((scope) => scope === "/" || scope === `/subscriptions/${account}`);
}

/** `/login?token=first-run` is a first run, any other token one of an installation with people. */
export function login(token) {
  isFirstRun = token === "first-run";
  current = isFirstRun ? "installation" : guid(1);
}

export const isSignedIn = () => current !== undefined;

/** What is answered without a login. */
export function outside(method, path, body) {
  if (path === "/sign-in" && method === "GET") return { status: 200, body: { installation: "Fernhollow", local: !isFirstRun, firstRun: isFirstRun, providers: isFirstRun ? [] : [{ id: "corp", name: "Corp SSO" }] } };
  if (path === "/sign-in" && method === "POST") {
    const one = principals.find((own) => own.kind === "User" && own.name === body.name);
    if (body.password === "locked") return failed(429, "TooManyAttempts", "too many attempts", { "retry-after": "95" });
    if (!one || one.state === "Disabled" || body.password === "wrong") return failed(401, "SignInFailed", "name, password or code is wrong");
    if (one.totp && !body.code) return failed(401, "CodeRequired", "a one-time code is needed");
    if (one.totp && body.code !== "123456") return failed(401, "SignInFailed", "name, password or code is wrong");
    current = one.id;
    one.lastSignInAt = at(0);
    note(one, "Microsoft.Authorization/sessions/write", one.name);
    return { status: 200, body: { session: session() } };
  }
  if (path === "/password" && method === "POST") {
    const id = invitations.get(body.code);
    if (!id) return failed(401, "InvitationSpent", "the invitation was used or has expired");
    if (body.password.length < 12) return failed(400, "PasswordTooWeak", "a password needs at least 12 characters");
    invitations.delete(body.code);
    return { status: 200, body: { name: principals.find((own) => own.id === id)?.name } };
  }
  return undefined;
}

function made(owner, body, kind) {
  const credential = { owner, id: guid((nextId += 1)), kind, name: body.name, createdAt: at(0), expiresAt: at(body.expiresInDays), lastUsedAt: null, actions: body.actions ?? null, scope: body.scope ?? null };
  credentials = [...credentials, credential];
  return { status: 201, body: { credential, secret: kind === "Token" ? `skw_5TXIw24HpQ8f1nVb0kZr7mYd3sLc_${credential.id}` : "5TXIw24HpQ8f1nVb0kZr7mYd3sLc" } };
}

function invite(id) {
  const code = `made-up-${(nextId += 1)}`;
  invitations.set(code, id);
  return { path: `/set-password?code=${code}`, expiresAt: at(3) };
}

const QR = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 25 25"><rect width="25" height="25" fill="#fff"/>${Array.from({ length: 25 * 25 }, (_, n) => ((n * 7919) % 13 < 6 ? `<path d="M${n % 25} ${Math.floor(n / 25)}h1v1h-1z"/>` : "")).join("")}<script>window.wasRun=1</script></svg>`;

/** `/api/v1/session` and below. */
export function ownSession(method, parts, body) {
  const [, second, third] = parts;
  if (!second && method === "DELETE") {
    current = undefined;
    return { status: 204 };
  }
  if (!second) return { status: 200, body: session() };
  const own = principals.find((one) => one.id === current);
  switch (`${method} ${second}${third ? "/*" : ""}`) {
    case "GET sessions": return { status: 200, body: { items: sessions } };
    case "DELETE sessions/*": sessions = sessions.filter((one) => one.id !== third); return { status: 204 };
    case "PUT password":
      if (body.current === "wrong") return failed(401, "SignInFailed", "the present password is wrong");
      sessions = sessions.filter((one) => one.current);
      return { status: 204 };
    case "POST totp": return { status: 200, body: { secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", uri: "otpauth://totp/Skywarden:ada?secret=JBSWY3DPEHPK3PXP", qr: QR } };
    case "PUT totp":
      if (body.code !== "123456") return failed(401, "SignInFailed", "the code does not fit");
      own.totp = true;
      codesLeft = 10;
      return { status: 200, body: { recoveryCodes: Array.from({ length: 10 }, (_, n) => `k7${n}q-x${n}9d`) } };
    case "POST totp/*":
      if (body.password === "wrong") return failed(401, "SignInFailed", "the password is wrong");
      own.totp = false;
      return { status: 204 };
    case "GET tokens": return { status: 200, body: { items: credentials.filter((one) => one.owner === current) } };
    case "POST tokens": return made(current, body, "Token");
    case "DELETE tokens/*": credentials = credentials.filter((one) => one.id !== third); return { status: 204 };
    default: return missing();
  }
}

/** `/api/v1/principals` and below. */
export function people(method, parts, body) {
  const [, id, part, credential] = parts;
  if (isReader()) return failed(403, "AuthorizationFailed", "your roles do not allow Microsoft.Authorization/principals/read");
  if (!id && method === "GET") return { status: 200, body: { items: principals.map(shown) } };
  if (!id) {
    if (principals.some((own) => own.kind === body.kind && own.name === body.name)) return failed(409, "NameTaken", `the name \`${body.name}\` is taken`);
    const one = person((nextId += 1), body.name, body.displayName, { kind: body.kind, createdAt: at(0), lastSignInAt: null });
    principals = [...principals, one];
    note(session(), "Microsoft.Authorization/principals/write", one.name);
    return { status: 201, body: { principal: shown(one), invitation: body.kind === "User" ? invite(one.id) : null } };
  }
  const one = principals.find((own) => own.id === id);
  if (!one) return missing();
  switch (`${method} ${part ?? ""}${credential ? "/*" : ""}`) {
    case "GET ": return { status: 200, body: shown(one) };
    case "PATCH ": Object.assign(one, body); return { status: 200, body: shown(one) };
    case "DELETE ":
      if (id === current) return failed(409, "OwnAccount", "nobody deletes the account that they are signed in with");
      principals = principals.filter((own) => own !== one);
      return { status: 204 };
    case "POST invitation": return { status: 200, body: invite(id) };
    case "POST unlock": one.lockedUntil = null; return { status: 204 };
    case "DELETE totp": one.totp = false; return { status: 204 };
    case "DELETE sessions": return { status: 204 };
    case "GET credentials": return { status: 200, body: { items: credentials.filter((own) => own.owner === id) } };
    case "POST credentials": return made(id, body, body.kind);
    case "DELETE credentials/*": credentials = credentials.filter((own) => own.id !== credential); return { status: 204 };
    default: return missing();
  }
}

export function setUp(body) {
  if (!isFirstRun || current !== "installation") return failed(409, "AccountsExist", "the first account was made already");
  const one = person((nextId += 1), body.name, body.displayName, { createdAt: at(0) });
  principals = [...principals, one];
  assign(one.id, OWNER, "/");
  [current, isFirstRun] = [one.id, false];
  return { status: 201, body: session() };
}

/** Role definitions and assignments, ARM's way. */
export function authorization(method, path, body) {
  const [, scope, kind, id] = /^(.*)\/providers\/Microsoft\.Authorization\/(roleDefinitions|roleAssignments)(?:\/(.+))?$/.exec(path) ?? [];
  if (kind === "roleDefinitions" && method === "GET") return { status: 200, body: { value: roles } };
  if (kind === "roleDefinitions") {
    if (method === "DELETE" && assignments.some((own) => own.role === id)) return failed(409, "RoleDefinitionHasAssignments", "the role is held by somebody; remove its assignments first");
    const known = roles.some((role) => role.name === id);
    roles = roles.filter((role) => role.name !== id);
    if (method === "DELETE") return { status: known ? 200 : 204, body: known ? {} : undefined };
    const role = { id: path, name: id, properties: { ...body.properties, type: "CustomRole" } };
    roles = [...roles, role];
    return { status: 201, body: role };
  }
  if (kind === "roleAssignments" && method === "PUT") {
    assignments.push({ id: path, principal: body.properties.principalId, role: body.properties.roleDefinitionId.split("/").at(-1), scope: scope || "/" });
    note(session(), "Microsoft.Authorization/roleAssignments/write", path);
    return { status: 201, body: { id: path, ...body } };
  }
  if (kind === "roleAssignments") assignments = assignments.filter((own) => own.id !== path);
  return kind ? { status: 200, body: {} } : undefined;
}
