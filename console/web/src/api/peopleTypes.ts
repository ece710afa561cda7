/** The shapes of people, sign-in, roles and the audit log. */

export type PrincipalKind = "User" | "Group" | "ServicePrincipal";

export interface SignInOptions {
  installation: string;
  /** Whether there are accounts with a password. */
  local: boolean;
  /** Nobody has an account yet. */
  firstRun: boolean;
  providers: { id: string; name: string }[];
}

export interface HeldRole {
  role: string;
  roleName: string;
  scope: string;
}

export interface Session {
  id: string;
  name: string;
  displayName: string;
  kind: "User" | "Installation" | "ServicePrincipal";
  provider?: string | null;
  expiresAt?: string | null;
  totp: boolean;
  firstRun: boolean;
  recoveryCodesLeft: number;
  roles: HeldRole[];
  /** Actions that are allowed somewhere. */
  may: string[];
  /** Actions that are allowed at the whole installation. */
  mayEverywhere: string[];
  /** Of the server. */
  version: string;
}

export interface SessionRow {
  id: string;
  createdAt: string;
  lastSeenAt?: string | null;
  expiresAt?: string | null;
  address?: string | null;
  agent?: string | null;
  current: boolean;
}

export interface Credential {
  id: string;
  kind: "Token" | "Secret" | "Certificate";
  name: string;
  createdAt: string;
  expiresAt?: string | null;
  lastUsedAt?: string | null;
  actions?: string[] | null;
  scope?: string | null;
}

/** A new credential with its secret, which the server does not tell again. */
export interface MadeCredential {
  credential: Credential;
  secret: string;
}

export interface Totp {
  secret: string;
  uri: string;
  /** An SVG document. */
  qr: string;
}

export interface AssignedRole extends HeldRole {
  /** ARM id of the role assignment. */
  assignment: string;
}

export interface Principal {
  id: string;
  kind: PrincipalKind;
  name: string;
  displayName: string;
  state: "Enabled" | "Disabled";
  createdAt: string;
  provider?: string | null;
  totp: boolean;
  lockedUntil?: string | null;
  lastSignInAt?: string | null;
  groups: { id: string; displayName: string }[];
  roles: AssignedRole[];
}

export interface Invitation {
  /** With the code; on this console. */
  path: string;
  expiresAt: string;
}

export interface Permission {
  actions?: string[];
  notActions?: string[];
  dataActions?: string[];
  notDataActions?: string[];
}

export interface RoleDefinition {
  id: string;
  /** A GUID. */
  name: string;
  properties: {
    roleName: string;
    type: "BuiltInRole" | "CustomRole";
    description?: string | null;
    permissions: Permission[];
    assignableScopes: string[];
  };
}

export interface AuditLine {
  number: number;
  at: string;
  principal?: string | null;
  principalName?: string | null;
  action: string;
  target?: string | null;
  outcome: string;
  address?: string | null;
  details?: unknown;
  hash: string;
}

export interface AuditPage {
  items: AuditLine[];
  next?: number | null;
}

export interface Verification {
  intact: boolean;
  lines: number;
  newestHash?: string | null;
  firstBroken?: number | null;
}

export interface IdentityProvider {
  id: string;
  name: string;
  issuer: string;
  clientId: string;
  scopes: string[];
  groupsClaim?: string | null;
  source: string;
}

/** A login that a program on another device asks for. */
export interface DeviceLogin {
  clientId: string;
  address: string;
  askedAt: string;
  expiresAt: string;
}
