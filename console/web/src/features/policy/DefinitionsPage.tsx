import { Button } from "@fluentui/react-components";
import { ChevronLeft16Regular, ChevronRight16Regular } from "@fluentui/react-icons";
import { Link } from "react-router";
import { useDefinitions } from "../../api/policyQueries";
import type { DefinitionRow, DefinitionsPage as Answer, InitiativeRow } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { formatCount, plural, shorten } from "../../lib/format";
import { definitionPath, objectTitle } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { defaultText } from "./RuleTree";

const LIMIT = 50;
const KINDS = [{ value: "initiative", label: "Initiatives" }, { value: "definition", label: "Definitions" }];

export default function DefinitionsPage() {
  const { values, set } = useUrlState(["q", "category", "kind", "from"]);
  const offset = Math.max(0, Number.parseInt(values.from, 10) || 0);
  const query = useDefinitions({ q: values.q, category: values.category, kind: values.kind, offset, limit: LIMIT });
  const isFiltered = Boolean(values.q || values.category || values.kind);
  const change = (changes: Partial<Record<"q" | "category" | "kind", string>>) => set({ ...changes, from: "" });
  const clear = () => change({ q: "", category: "", kind: "" });
  const categories = (query.data?.categories ?? []).map(({ value, count }) => ({ value, label: `${value} (${formatCount(count)})` }));
  return (
    <div className="page">
      <PageHead title="Definitions and initiatives" tabTitle="Definitions" crumb={{ to: "/policy", text: "Policy" }} lead="What can be assigned: single rules, and initiatives that hold many of them." />
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Name or id" onChange={(q) => change({ q })} />
        <FilterSelect label="Kind" value={values.kind} choices={KINDS} onChange={(kind) => change({ kind })} />
        <FilterSelect label="Category" value={values.category} choices={categories} onChange={(category) => change({ category })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <div className="card flush">
        <Loaded query={query} rows={10}>
          {(page) => page.items.length === 0 ? (
            <EmptyNote title={isFiltered || offset > 0 ? "No definition matches" : "No definition is here yet"}>
              {isFiltered || offset > 0 ? <ClearFilters onClear={clear} /> : <p><Link to="/policy">Import policies</Link> first.</p>}
            </EmptyNote>
          ) : (
            <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
              <Rows page={page} />
              <Moves offset={offset} page={page} isBusy={query.isPlaceholderData} onMove={(to) => set({ from: to > 0 ? String(to) : "" })} />
            </div>
          )}
        </Loaded>
      </div>
    </div>
  );
}

function Rows({ page }: { page: Answer }) {
  return (
    <DataTable
      label="Definitions" groups={[{ key: "", title: null, rows: page.items }]} rowKey={(row) => row.id}
      columns={[
        {
          key: "name", header: "Name", isLead: true,
          cell: (row) => (
            <div className="stack" style={{ gap: 2 }}>
              <Link to={definitionPath(row.id)} className="cell-title">{objectTitle(row.displayName, row.id)}</Link>
              <span className="small muted two-lines">{shorten(row.description, 240)}</span>
            </div>
          ),
        },
        { key: "kind", header: "Kind", width: "150px", cell: (row) => (row.kind === "initiative" ? <>Initiative<div className="small muted">{plural(row.definitions, "definition")}</div></> : "Definition") },
        { key: "category", header: "Category", width: "150px", cell: (row) => row.category },
        { key: "effect", header: "Effect", width: "190px", cell: (row) => <EffectCell row={row} /> },
        { key: "type", header: "Type", width: "90px", cell: (row) => (row.policyType === "BuiltIn" ? "Built in" : row.policyType) },
      ]}
    />
  );
}

function EffectCell({ row }: { row: DefinitionRow | InitiativeRow }) {
  if (row.kind === "initiative") return null;
  const { effect } = row;
  const hasDefault = !("fixed" in effect) && effect.default !== undefined && effect.default !== null;
  const text = "fixed" in effect ? effect.fixed : hasDefault ? `${defaultText(effect.default)} by default` : "to be given";
  return <>{text}{row.notEvaluated && <div className="small tone-Unknown" title={row.notEvaluated}>not evaluated here</div>}</>;
}

function Moves({ offset, page, isBusy, onMove }: { offset: number; page: Answer; isBusy: boolean; onMove: (offset: number) => void }) {
  const last = offset + page.items.length;
  const isOnly = offset === 0 && last >= page.total;
  return (
    <div className="pager">
      <span className="muted" aria-live="polite">{isOnly ? plural(page.total, "row") : `${formatCount(offset + 1)} to ${formatCount(last)} of ${plural(page.total, "row")}`}</span>
      {!isOnly && (
        <span className="row">
          <Button size="small" icon={<ChevronLeft16Regular />} disabled={offset === 0 || isBusy} onClick={() => onMove(Math.max(0, offset - LIMIT))}>Previous</Button>
          <Button size="small" icon={<ChevronRight16Regular />} iconPosition="after" disabled={last >= page.total || isBusy} onClick={() => onMove(offset + LIMIT)}>Next</Button>
        </span>
      )}
    </div>
  );
}
