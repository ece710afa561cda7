import { useEffect, useMemo, useState } from "react";
import { Link, useLocation } from "react-router";
import { useMissingPermissions } from "../../api/queries";
import type { ConnectorRow, MissingPermission } from "../../api/connectorTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { DataTable } from "../../components/DataTable";
import { FilterSelect } from "../../components/Filters";
import { recommendationPath } from "../../components/links";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { iamPolicy } from "../../lib/connectors";
import { formatCount, plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { useTitles } from "../changes/useTitles";

/** Permissions shown before a person asks for the rest. */
const FIRST = 25;

/** What is missing, the most useful first, with the policy that grants it. */
export function MissingPermissions({ connectors }: { connectors: readonly ConnectorRow[] }) {
  const { values, set } = useUrlState(["permissions"]);
  const query = useMissingPermissions(values.permissions);
  const { hash } = useLocation();
  const hasFailures = connectors.some((row) => row.failures.length > 0 || row.attempt?.error);
  const lacking = connectors.filter((row) => row.missingPermissions > 0);
  useEffect(() => {
    if (hash === "#missing") document.getElementById("missing")?.scrollIntoView();
  }, [hash, values.permissions]);
  return (
    <section className="stack wide" id="missing" aria-label="Missing permissions">
      <div className="row spread" style={{ alignItems: "flex-end" }}>
        <div className="stack" style={{ gap: 2, flex: "1 1 320px" }}>
          <h2 className="section-title">Missing permissions</h2>
          <p className="muted">What each would unlock: checks that are Unknown for want of it, and what is behind them.</p>
        </div>
        {lacking.length > 1 && (
          <FilterSelect
            label="Connector" value={values.permissions} choices={lacking.map((row) => ({ value: row.id, label: row.displayName }))}
            onChange={(permissions) => set({ permissions })}
          />
        )}
      </div>
      <Loaded query={query}>
        {(items) => items.length === 0
          ? <div className="card"><EmptyNote title={hasFailures ? "No missing permission is known" : "No permission is missing"}>{hasFailures && <p>What could not be read failed for other reasons; open a connector above to see them.</p>}</EmptyNote></div>
          : <Permissions items={items} connectors={connectors} />}
      </Loaded>
    </section>
  );
}

function Permissions({ items, connectors }: { items: readonly MissingPermission[]; connectors: readonly ConnectorRow[] }) {
  const [isWhole, setIsWhole] = useState(false);
  const policy = useMemo(() => iamPolicy(items), [items]);
  const names = useMemo(() => new Map(connectors.map((row) => [row.id, row.displayName])), [connectors]);
  const shown = isWhole ? items : items.slice(0, FIRST);
  const assessments = items.reduce((sum, item) => sum + item.alone, 0);
  return (
    <>
      <p className="muted">
        {plural(items.length, "permission")}; {plural(assessments, "check")} {assessments === 1 ? "lacks" : "lack"} one of them and nothing else.
      </p>
      {policy && (
        <div className="scroll-code"><CopyBlock title="IAM policy that allows all of them" text={policy} /></div>
      )}
      <div className="card flush">
        <DataTable
          label="Missing permissions" groups={[{ key: "", title: null, rows: shown }]} rowKey={(item) => item.permission}
          columns={[
            { key: "permission", header: "Permission", isLead: true, cell: (item) => <Name item={item} /> },
            { key: "assessments", header: "Unknown checks", isEnd: true, width: "120px", cell: (item) => <Checks item={item} /> },
            { key: "recommendations", header: "Recommendations", isEnd: true, width: "156px", cell: (item) => formatCount(item.recommendations.length) },
            { key: "resources", header: "Resources", isEnd: true, width: "110px", cell: (item) => <Resources item={item} /> },
            { key: "fields", header: "Fields", isEnd: true, width: "80px", cell: (item) => item.fields > 0 && formatCount(item.fields) },
            { key: "lists", header: "Failed lists", isEnd: true, width: "100px", cell: (item) => item.listings > 0 && formatCount(item.listings) },
          ]}
          detail={(item) => <Detail item={item} names={names} />}
        />
        {items.length > FIRST && (
          <div className="pager">
            <button type="button" className="link-button" onClick={() => setIsWhole(!isWhole)}>{isWhole ? "Show fewer" : `Show all ${formatCount(items.length)}`}</button>
          </div>
        )}
      </div>
    </>
  );
}

function Name({ item }: { item: MissingPermission }) {
  return (
    <>
      <code className="cell-title">{item.permission}</code>
      <div className="small muted clip" title={item.types.join(", ")}>{item.types.join(", ")}</div>
    </>
  );
}

function Checks({ item }: { item: MissingPermission }) {
  const also = item.assessments - item.alone;
  return (
    <>
      <strong>{formatCount(item.assessments)}</strong>
      {also > 0 && <div className="small muted">{formatCount(also)} need more</div>}
    </>
  );
}

/** A list that failed hides resources, so what is known is the least. */
function Resources({ item }: { item: MissingPermission }) {
  if (item.listings > 0) return <span title="A list that failed hides an unknown number of resources">{item.resources > 0 ? `${formatCount(item.resources)} or more` : <span className="muted">Unknown</span>}</span>;
  return <>{formatCount(item.resources)}</>;
}

function Detail({ item, names }: { item: MissingPermission; names: ReadonlyMap<string, string> }) {
  const titles = useTitles();
  return (
    <div className="stack wide">
      <p><strong>Missing in:</strong> <bdi>{item.connectors.map((id) => names.get(id) ?? id).join(", ")}</bdi></p>
      {item.recommendations.length > 0 && (
        <div className="stack" style={{ gap: 4 }}>
          <strong>Recommendations that wait for it</strong>
          <ul className="plain stack" style={{ gap: 2 }}>
            {item.recommendations.map((id) => <li key={id}><Link to={recommendationPath(id)}>{titles.get(id)?.title ?? id}</Link></li>)}
          </ul>
        </div>
      )}
    </div>
  );
}
