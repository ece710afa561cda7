import { Button } from "@fluentui/react-components";
import { Add20Regular } from "@fluentui/react-icons";
import { useMemo } from "react";
import { Link, useNavigate } from "react-router";
import { useMayEverywhere } from "../../api/peopleQueries";
import { useStandards } from "../../api/queries";
import type { StandardRow } from "../../api/complianceTypes";
import { ClearFilters, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Legend, StackedBar } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import { STANDARDS_WRITE } from "../../lib/actions";
import { passedSentence, sharesOf, totalOf } from "../../lib/compliance";
import { formatPercent, plural } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { ScopeSelect, useScope } from "./ScopeSelect";

export default function CompliancePage() {
  const { scope, setScope, search } = useScope();
  const navigate = useNavigate();
  const canWrite = useMayEverywhere()(STANDARDS_WRITE);
  const { values, set } = useUrlState(["q"]);
  const query = useStandards(scope);
  const part = values.q.trim().toLowerCase();
  const shown = useMemo(
    () => (query.data ?? []).filter((row) => !part || [row.id, row.title, row.description].some((text) => text.toLowerCase().includes(part))),
    [query.data, part],
  );
  return (
    <div className="page">
      <PageHead
        title="Compliance" tabTitle="Compliance"
        actions={canWrite && <Button icon={<Add20Regular />} onClick={() => void navigate("/standards/new")}>New standard</Button>}
        lead="How your environments stand against published standards and your own. A percentage counts controls that passed among those that passed or failed; what could not be read is told apart."
      />
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Name of a standard" onChange={(q) => set({ q })} />
        <ScopeSelect scope={scope} onChange={setScope} />
      </div>
      <Loaded query={query}>
        {() => shown.length === 0
          ? <div className="card"><EmptyNote title={part ? "No standard matches" : "No standard is installed"}>{part ? <ClearFilters onClear={() => set({ q: "" })} /> : <p>Standards come with the content of Skywarden; the server&apos;s log says which files it skipped, and why.</p>}</EmptyNote></div>
          : (
            <div className="columns" aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
              {shown.map((standard) => <StandardCard key={standard.id} standard={standard} search={search} />)}
            </div>
          )}
      </Loaded>
    </div>
  );
}

function StandardCard({ standard, search }: { standard: StandardRow; search: string }) {
  const shares = sharesOf(standard);
  const { percentage } = standard;
  return (
    <section className="card stack wide" aria-label={standard.title}>
      <div className="stack" style={{ gap: 2 }}>
        <h2 className="row"><Link to={`/compliance/${encodeURIComponent(standard.id)}${search}`}>{standard.title}</Link>{standard.custom && <span className="tag">Your own</span>}</h2>
        <p className="muted small">{standard.description}</p>
      </div>
      <div className="row spread" style={{ alignItems: "flex-end", marginTop: "auto" }}>
        <span className="figure" title={passedSentence(standard)}>
          <strong>{typeof percentage === "number" ? formatPercent(percentage) : "None"}</strong>
          <span className="muted small">{typeof percentage === "number" ? "of judged controls passed" : "judged here"}</span>
        </span>
        <span className="stack" style={{ gap: 0, alignItems: "flex-end" }}>
          <StatusBadge status={standard.state} />
          <span className="muted small">{plural(totalOf(standard.controlsByState), "control")}</span>
        </span>
      </div>
      <StackedBar shares={shares} isTall />
      <Legend shares={shares.filter((share) => share.count > 0)} />
    </section>
  );
}
