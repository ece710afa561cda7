import { useMemo, useState } from "react";
import { Link } from "react-router";
import { useMay } from "../../api/peopleQueries";
import { useExemptions } from "../../api/queries";
import type { Exemption } from "../../api/types";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { ShowMore } from "../../components/ShowMore";
import { EXEMPTIONS_DELETE, EXEMPTIONS_WRITE } from "../../lib/actions";
import { groupExemptions } from "../../lib/exemptions";
import { plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { useTitles } from "../changes/useTitles";
import { ExemptionTable } from "./ExemptionTable";
import { LiftButton } from "./LiftButton";

/** Decisions shown before a person asks for more. */
const STEP = 100;

export default function ExemptionsPage() {
  const query = useExemptions();
  const may = useMay();
  return (
    <div className="page">
      <PageHead title="Exemptions" tabTitle="Exemptions" lead="What you set aside, where and why. What is exempt does not count in the secure score." />
      <Loaded query={query}>
        {(exemptions) => exemptions.length === 0 ? (
          <div className="card">
            <EmptyNote title="Nothing is exempt">
              {may(EXEMPTIONS_WRITE)
                ? <p>To set something aside, open a <Link to="/recommendations">recommendation</Link> and choose resources.</p>
                : <LacksNote action={EXEMPTIONS_WRITE} what="set anything aside" />}
            </EmptyNote>
          </div>
        ) : <Exemptions exemptions={exemptions} />}
      </Loaded>
    </div>
  );
}

function Exemptions({ exemptions }: { exemptions: readonly Exemption[] }) {
  const titles = useTitles();
  const canRemove = useMay()(EXEMPTIONS_DELETE);
  const { values, set } = useUrlState(["q"]);
  const [limit, setLimit] = useState(STEP);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const part = values.q.trim().toLowerCase();
  const decisions = useMemo(() => {
    const where = (row: Exemption) => (row.scope.kind === "resource" ? row.scope.id : "");
    const isNamed = (row: Exemption) => [titles.get(row.recommendation)?.title ?? "", row.recommendation, row.reason, where(row)].some((text) => text.toLowerCase().includes(part));
    return groupExemptions(part ? exemptions.filter(isNamed) : exemptions);
  }, [exemptions, titles, part]);
  const shown = decisions.slice(0, limit);
  const marked = decisions.filter((decision) => chosen.has(decision.key)).flatMap((decision) => decision.exemptions);
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Recommendation, resource or reason" onChange={(q) => set({ q })} />
        {part && <ClearFilters onClear={() => set({ q: "" })} />}
      </div>
      <div className="row spread action-line">
        <p className="muted" aria-live="polite">
          {marked.length > 0 ? `${plural(marked.length, "exemption")} chosen` : `${plural(exemptions.length, "exemption")} by ${plural(decisions.length, "decision")}`}
        </p>
        {marked.length > 0 && <LiftButton exemptions={marked} onDone={() => setChosen(new Set())} />}
      </div>
      <div className="card flush">
        {shown.length > 0
          ? <ExemptionTable decisions={shown} titles={titles} selection={canRemove ? { keys: chosen, onChange: setChosen } : undefined} />
          : <EmptyNote title="No exemption matches"><ClearFilters onClear={() => set({ q: "" })} /></EmptyNote>}
        <ShowMore left={decisions.length - limit} onMore={() => setLimit(limit + STEP)} />
      </div>
    </>
  );
}
