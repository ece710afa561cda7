import { Switch } from "@fluentui/react-components";
import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { AssignmentDetail, Setting } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote } from "../../components/PageStates";
import { PolicyStateCount } from "../../components/PolicyStateBadge";
import { plural } from "../../lib/format";
import { definitionPath, filterSettings, groupSettings, objectTitle, originWords, sumOf } from "../../lib/policy";
import { effectMeaning } from "../../lib/policyDetails";
import { useUrlState } from "../../lib/useUrlState";
import { SettingDetail } from "./SettingDetail";

/** Rows that are laid out before a person asks for the rest. */
const FIRST = 60;

const FILTERS = [
  { value: "NonCompliant", label: "Non-compliant" },
  { value: "Unread", label: "Could not be read" },
  { value: "problem", label: "Not in force" },
  { value: "notEvaluated", label: "Not evaluated" },
  { value: "off", label: "Disabled" },
];

/** The definitions of an assignment: how each is set, who set it so, and how resources comply. */
export function SettingList({ detail }: { detail: AssignmentDetail }) {
  const { values, set } = useUrlState(["dq", "show", "flat"]);
  const [limit, setLimit] = useState(FIRST);
  const shown = useMemo(() => filterSettings(detail.settings, values.dq, values.show), [detail.settings, values.dq, values.show]);
  const hasGroups = detail.groups.length > 0;
  const isFlat = !hasGroups || values.flat === "yes";
  const isFiltered = Boolean(values.dq || values.show);
  const groups = useMemo(() => (isFlat ? [{ key: "", title: "", category: "", settings: shown }] : groupSettings(shown, detail.groups)), [detail.groups, shown, isFlat]);
  const n = groups.reduce((sum, group) => sum + group.settings.length, 0);
  const clear = () => set({ dq: "", show: "" });
  const change = (changes: Partial<Record<"dq" | "show" | "flat", string>>) => {
    setLimit(FIRST);
    set(changes);
  };
  return (
    <>
      <div className="filters inset">
        <SearchBox label="Search definitions" value={values.dq} placeholder="Name, reference or category" onChange={(dq) => change({ dq })} />
        <FilterSelect label="Show" value={values.show} choices={FILTERS} onChange={(show) => change({ show })} />
        {isFiltered && <ClearFilters onClear={clear} />}
        {hasGroups && <div className="fit"><Switch label="Grouped" checked={!isFlat} onChange={(_, data) => change({ flat: data.checked ? "" : "yes" })} /></div>}
      </div>
      <p className="muted inset-line" aria-live="polite">{plural(shown.length, "definition")}{isFiltered && ` of ${detail.settings.length}`}{!isFlat && ` in ${plural(groups.length, "group")}; one that is in several stands in each`}</p>
      {shown.length === 0 ? <EmptyNote title={isFiltered ? "No definition matches" : "Nothing is in force: its definition is not here"}>{isFiltered && <ClearFilters onClear={clear} />}</EmptyNote> : (
        <DataTable
          label="Definitions" groups={shortened(groups, limit)} rowKey={(row) => `${row.group} ${row.setting.reference} ${row.setting.definitionId}`} rowName={({ setting }) => objectTitle(setting.displayName, setting.definitionId)}
          columns={[
            { key: "name", header: "Definition", isLead: true, cell: ({ setting }) => <NameCell setting={setting} /> },
            { key: "effect", header: "Effect", width: "210px", cell: ({ setting }) => <EffectCell setting={setting} /> },
            { key: "counts", header: "Resources", width: "230px", cell: ({ setting }) => <CountsCell setting={setting} /> },
          ]}
          detail={({ setting }) => <SettingDetail setting={setting} assignment={detail.id} />}
        />
      )}
      {n > limit && <p className="inset-line"><button type="button" className="link-button" onClick={() => setLimit(limit * 5)}>Show more of {plural(n, "row")}</button></p>}
    </>
  );
}

interface Row {
  group: string;
  setting: Setting;
}

/** The first rows of all groups together, as rows of the table. */
function shortened(groups: ReturnType<typeof groupSettings>, limit: number) {
  let left = limit;
  return groups.flatMap((group) => {
    const rows = group.settings.slice(0, left).map((setting): Row => ({ group: group.key, setting }));
    left -= rows.length;
    const title = group.title && <span className="row"><span>{group.title}</span>{group.category && group.category !== group.title && <span className="tag">{group.category}</span>}<span className="small muted">{plural(group.settings.length, "definition")}</span></span>;
    return rows.length > 0 ? [{ key: group.key, title: title || null, rows }] : [];
  });
}

function NameCell({ setting }: { setting: Setting }) {
  return (
    <div className="stack" style={{ gap: 2 }}>
      <Link to={definitionPath(setting.definitionId)} className="cell-title">{objectTitle(setting.displayName, setting.definitionId)}</Link>
      <span className="small muted">{[setting.category, setting.reference].filter(Boolean).join(", ")}</span>
      {setting.problem && <span className="small tone-Unhealthy">Not in force: {setting.problem}</span>}
    </div>
  );
}

function EffectCell({ setting }: { setting: Setting }) {
  if (!setting.effect) return <span className="muted">None</span>;
  return (
    <div className="stack" style={{ gap: 0 }}>
      <span className={setting.effect === "disabled" ? "muted" : undefined} title={effectMeaning(setting.effect)}>{setting.effect}</span>
      {setting.effectFrom && <span className="small muted">{originWords(setting.effectFrom)}</span>}
      {setting.someResources.length > 0 && <span className="small muted">another for some resources</span>}
    </div>
  );
}

const SHOWN = ["NonCompliant", "Unread", "Conflict", "Unknown", "Compliant", "Exempt", "Protected"] as const;

function CountsCell({ setting }: { setting: Setting }) {
  if (setting.notEvaluated) return <span className="tone-Unknown small" title={setting.notEvaluated}>Not evaluated: {setting.notEvaluated.replace(/ \(.*\)$/, "")}</span>;
  if (sumOf(setting.counts) === 0) return <span className="muted">{setting.effect === "disabled" ? "Switched off" : "No resource concerned"}</span>;
  return <span className="setting-counts">{SHOWN.filter((state) => (setting.counts[state] ?? 0) > 0).map((state) => <PolicyStateCount key={state} state={state} count={setting.counts[state] ?? 0} />)}</span>;
}
