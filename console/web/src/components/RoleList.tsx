import { Link } from "react-router";
import type { HeldRole } from "../api/peopleTypes";
import { formatCount } from "../lib/format";
import { rolePath } from "../lib/people";
import { scopeText, type ScopeNames } from "../lib/scopes";

/** Roles with the scopes that they are held at; beyond `limit` they are only counted. */
export function RoleList({ roles, names, limit = 3, none = "None" }: { roles: readonly HeldRole[]; names: ScopeNames; limit?: number; none?: string }) {
  if (roles.length === 0) return <span className="muted">{none}</span>;
  return (
    <ul className="plain">
      {roles.slice(0, limit).map((held) => (
        <li key={`${held.role} ${held.scope}`}>
          <Link to={rolePath(held.role)}>{held.roleName}</Link> <span className="small muted" title={held.scope}>{scopeText(held.scope, names)}</span>
        </li>
      ))}
      {roles.length > limit && <li className="small muted">and {formatCount(roles.length - limit)} more</li>}
    </ul>
  );
}
