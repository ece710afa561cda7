import { useMemo, useState } from "react";
import type { BesideDefender, TakeOver } from "../../api/defenderTypes";
import { useScopeTitle } from "../../api/planQueries";
import { useExemptions } from "../../api/queries";
import { DataTable } from "../../components/DataTable";
import { endOfId } from "../../components/links";
import { LacksNote } from "../../components/Problem";
import { ShowMore } from "../../components/ShowMore";
import { EXEMPTIONS_READ } from "../../lib/actions";
import { adoptCommand } from "../../lib/defender";
import { plural, sentence } from "../../lib/format";
import { Expiry } from "../policy/ScopeExemptions";
import { Answers } from "./ComparedDetail";

/** Exemptions shown before a person asks for more. */
const STEP = 50;

/** Azure's exemptions, and what they would be here. */
export function TakeOverCard({ beside: { connector, exemptions, hiddenExemptions, titles, unread } }: { beside: BesideDefender }) {
  const titleOf = useScopeTitle();
  const [limit, setLimit] = useState(STEP);
  const isUnread = Object.values(unread).some((parts) => parts.exemptions !== undefined);
  const isAny = exemptions.some((own) => own.ours.length > 0);
  return (
    <section className="card flush" aria-label="Exemptions in Azure">
      <div className="card-head"><h2>Exemptions in Azure</h2><span className="small muted">{plural(exemptions.length, "exemption")}</span></div>
      {exemptions.length > 0 && (
        <DataTable
          label="Exemptions in Azure" groups={[{ key: "", title: null, rows: exemptions.slice(0, limit) }]} rowKey={(row) => row.theirs.id}
          columns={[
            { key: "reason", header: "Exemption", isLead: true, cell: ({ theirs }) => <><div className="cell-title pre-wrap">{theirs.reason || "No reason is given"}</div><div className="small muted" title={theirs.id}><bdi>{endOfId(theirs.id)}</bdi></div></> },
            { key: "scope", header: "Scope", width: "200px", cell: ({ theirs }) => <span title={theirs.scope}><bdi>{titleOf({ id: theirs.scope })}</bdi></span> },
            { key: "category", header: "Category", width: "100px", cell: ({ theirs }) => theirs.category },
            { key: "expires", header: "Expires", width: "140px", cell: ({ theirs }) => <Expiry at={theirs.expiresAt} /> },
            { key: "here", header: "Here", width: "330px", cell: (row) => <Here row={row} titles={titles} /> },
          ]}
        />
      )}
      <ShowMore left={exemptions.length - limit} onMore={() => setLimit(limit + STEP)} />
      <div className="inset-line stack" style={{ gap: 4 }}>
        {exemptions.length === 0 && hiddenExemptions === 0 && <p className="muted">{isUnread ? "None of those that could be read." : "There are none."}</p>}
        {hiddenExemptions > 0 && <><p className="muted">{plural(hiddenExemptions, "exemption")} {hiddenExemptions === 1 ? "is" : "are"} hidden.</p><LacksNote action={EXEMPTIONS_READ} what="see all exemptions" /></>}
        {isAny && <p className="small muted"><code>{adoptCommand(connector)} --kept --take-exemptions</code> takes them over, each once however often it runs.</p>}
      </div>
    </section>
  );
}

/** What it would be here, or is already, or why it can't be. */
function Here({ row, titles }: { row: TakeOver; titles: BesideDefender["titles"] }) {
  const { data } = useExemptions();
  const taken = useMemo(() => new Set((data ?? []).map((own) => own.id)), [data]);
  if (row.ours.length === 0) return <><div>Not taken over</div>{row.whyNot && <div className="small muted"><bdi>{sentence(row.whyNot)}</bdi></div>}</>;
  const isTaken = row.ours.every((own) => taken.has(own.id));
  return <Answers ids={row.ours.map((own) => own.recommendation)} titles={titles} text={isTaken ? "Taken over: exempt from" : "Would be exempt from"} />;
}
