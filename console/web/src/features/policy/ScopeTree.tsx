import { BuildingMultiple20Regular, Cloud20Regular, Folder20Regular, Globe20Regular, Key20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import type { ScopeRow } from "../../api/policyTypes";
import { plural } from "../../lib/format";
import { scopeKind, scopeTitle } from "../../lib/policy";

const ICONS = { tenant: BuildingMultiple20Regular, managementGroup: Folder20Regular, subscription: Key20Regular, resourceGroup: Cloud20Regular, resource: Cloud20Regular };

/** Scopes that are laid out before a person asks for the rest. */
const FIRST = 200;

/** The tenant with all that lies below it; choosing one shows what is in force there. */
export function ScopeTree({ scopes, chosen, onChoose }: { scopes: readonly ScopeRow[]; chosen: string; onChoose: (id: string) => void }) {
  const [limit, setLimit] = useState(FIRST);
  return (
    <nav className="card flush" aria-label="Scopes">
      <div className="card-head"><h2>Scopes</h2></div>
      <ul className="scope-list">
        <li>
          <button type="button" aria-current={chosen === "" || undefined} onClick={() => onChoose("")}>
            <Globe20Regular aria-hidden /><span>All assignments</span>
          </button>
        </li>
        {scopes.slice(0, limit).map((scope) => {
          const Icon = ICONS[scope.kind] ?? Cloud20Regular;
          const title = scopeTitle(scope);
          return (
            <li key={scope.id} style={{ paddingInlineStart: Math.min(scope.depth, 8) * 16 }}>
              <button type="button" aria-current={chosen === scope.id || undefined} title={`${scopeKind(scope.kind)} ${scope.id}`} onClick={() => onChoose(scope.id)}>
                <Icon aria-hidden />
                <span className="clip">{title}<span className="visually-hidden">, {scopeKind(scope.kind)}</span></span>
                {scope.assignments > 0 && <span className="tag" title={plural(scope.assignments, "assignment")}>{scope.assignments}<span className="visually-hidden"> assigned here</span></span>}
              </button>
            </li>
          );
        })}
        {scopes.length > limit && <li><button type="button" onClick={() => setLimit(limit * 5)}><span /><span>Show more of {plural(scopes.length, "scope")}</span></button></li>}
      </ul>
    </nav>
  );
}
