import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { Group, InitiativeDetail, Member } from "../../api/policyTypes";
import { DataTable } from "../../components/DataTable";
import { SearchBox } from "../../components/Filters";
import { plural } from "../../lib/format";
import { definitionPath, objectTitle } from "../../lib/policy";

/** Rows that are laid out before a person asks for the rest. */
const FIRST = 80;

/** The definitions of an initiative below its groups. */
export function InitiativeMembers({ detail }: { detail: InitiativeDetail }) {
  const [text, setText] = useState("");
  const [limit, setLimit] = useState(FIRST);
  const groups = useMemo(() => grouped(detail.members, detail.groups, text), [detail, text]);
  const n = groups.reduce((sum, group) => sum + group.members.length, 0);
  let left = limit;
  const shown = groups.flatMap((group) => {
    const rows = group.members.slice(0, left).map((member) => ({ group: group.key, member }));
    left -= rows.length;
    return rows.length > 0 ? [{ key: group.key, title: group.title && <GroupTitle group={group} />, rows }] : [];
  });
  return (
    <>
      <div className="filters inset"><SearchBox label="Search definitions" value={text} placeholder="Name or reference" onChange={setText} /></div>
      {n === 0 ? <p className="muted tab-body">No definition matches.</p> : (
        <DataTable
          label="Definitions" groups={shown} rowKey={(row) => `${row.group} ${row.member.reference}`}
          columns={[
            { key: "name", header: "Definition", isLead: true, cell: ({ member }) => <><Link to={definitionPath(member.definitionId)} className="cell-title">{objectTitle(member.displayName, member.definitionId)}</Link><div className="small muted">{member.reference}</div></> },
            { key: "note", header: "Judged here", width: "240px", cell: ({ member }) => <Note member={member} /> },
          ]}
        />
      )}
      {n > limit && <p className="inset-line"><button type="button" className="link-button" onClick={() => setLimit(limit * 5)}>Show more of {plural(n, "row")}</button></p>}
    </>
  );
}

function Note({ member }: { member: Member }) {
  if (member.displayName === null || member.displayName === undefined) return <span className="tone-Unhealthy">The definition is not here</span>;
  return member.notEvaluated ? <span className="small tone-Unknown" title={member.notEvaluated}>No: {member.notEvaluated.replace(/ \(.*\)$/, "")}</span> : <>Yes</>;
}

interface Found {
  key: string;
  title: string;
  description?: string;
  members: Member[];
}

function GroupTitle({ group }: { group: Found }) {
  return <span className="stack" style={{ gap: 0 }}><span>{group.title}</span>{group.description && <span className="small muted" style={{ fontWeight: 400 }}>{group.description}</span>}</span>;
}

function grouped(members: readonly Member[], groups: readonly Group[], text: string): Found[] {
  const part = text.trim().toLowerCase();
  const meant = members.filter((own) => !part || `${own.displayName ?? ""} ${own.reference} ${own.definitionId}`.toLowerCase().includes(part));
  const known = new Set(groups.map((group) => group.name));
  const found = groups.map((group): Found => ({ key: group.name, title: group.displayName || group.name, description: group.description, members: meant.filter((own) => own.groups.includes(group.name)) }));
  const filled = found.filter((group) => group.members.length > 0);
  const rest = meant.filter((own) => !own.groups.some((name) => known.has(name)));
  return rest.length > 0 ? [...filled, { key: "", title: filled.length > 0 ? "In no group" : "", members: rest }] : filled;
}
