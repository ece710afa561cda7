import { Button } from "@fluentui/react-components";
import { ArrowDownload20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { address } from "../../api/client";
import { useAudit, useMay, usePrincipals, useSession } from "../../api/peopleQueries";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Pager } from "../../components/Pager";
import { LacksPage } from "../../components/Problem";
import { cursorOf, START } from "../../lib/paging";
import { AUDIT_READ, PRINCIPALS_READ } from "../../lib/actions";
import { principalTitle } from "../../lib/people";
import { useUrlState } from "../../lib/useUrlState";
import { AuditTable } from "./AuditTable";
import { ChainCard } from "./ChainCard";

const LIMIT = 50;

export default function AuditPage() {
  const session = useSession();
  const may = useMay();
  return (
    <div className="page">
      <PageHead
        title="Audit log" tabTitle="Audit log" lead="Every change, and every change that was refused for want of a role: who, when, from where, and how it went."
        actions={may(AUDIT_READ) && <Button as="a" icon={<ArrowDownload20Regular />} href={address("/audit/export")} download="skywarden-audit.jsonl">Export all lines</Button>}
      />
      <Loaded query={session} rows={8}>
        {() => may(AUDIT_READ) ? <><ChainCard /><Lines /></> : <LacksPage action={AUDIT_READ} what="see the audit log" />}
      </Loaded>
    </div>
  );
}

function Lines() {
  const { values, set } = useUrlState(["principal", "action"]);
  const { principal, action } = values;
  const may = useMay();
  const principals = usePrincipals({ enabled: may(PRINCIPALS_READ) });
  // A trail belongs to the filters that it was followed under.
  const filter = JSON.stringify([principal, action]);
  const [place, setPlace] = useState({ filter, trail: START });
  const trail = place.filter === filter ? place.trail : START;
  const query = useAudit({ principal, action, before: cursorOf(trail), top: LIMIT });
  const isFiltered = Boolean(principal || action);
  const clear = () => set({ principal: "", action: "" });
  const people = (principals.data ?? []).filter((one) => one.kind !== "Group").map((one) => ({ value: one.id, label: principalTitle(one) })).sort((a, b) => a.label.localeCompare(b.label));
  return (
    <>
      <div className="filters">
        <SearchBox label="Action" value={action} placeholder="Part of an action, such as roleAssignments/write" onChange={(text) => set({ action: text })} />
        {(people.length > 0 || principal) && <FilterSelect label="Who" value={principal} choices={people} all="Everybody" onChange={(value) => set({ principal: value })} />}
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <Loaded query={query} rows={10}>
        {(page) => (
          <div className="card flush" aria-busy={query.isPlaceholderData}>
            {page.items.length > 0 ? <AuditTable lines={page.items} /> : (
              <EmptyNote title={isFiltered ? "No line matches" : "Nothing was changed yet"}>{isFiltered && <ClearFilters onClear={clear} />}</EmptyNote>
            )}
            <Pager
              trail={trail} limit={LIMIT} count={page.items.length} noun="line" next={page.next === null || page.next === undefined ? null : String(page.next)} isBusy={query.isPlaceholderData}
              onMove={(next) => setPlace({ filter, trail: next })}
            />
          </div>
        )}
      </Loaded>
    </>
  );
}
