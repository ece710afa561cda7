import { Button } from "@fluentui/react-components";
import { ArrowDownload20Regular, Delete20Regular, Edit20Regular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api } from "../../api/client";
import { useMayEverywhere } from "../../api/peopleQueries";
import { queryClient, useStandard } from "../../api/queries";
import type { Scope, Standard } from "../../api/complianceTypes";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Legend, StackedBar } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import { useSay } from "../../components/useSay";
import { STANDARDS_DELETE, STANDARDS_WRITE } from "../../lib/actions";
import { countLeaves, filterControls, passedSentence, reportAddress, sharesOf, STATES, totalOf } from "../../lib/compliance";
import { formatCount, plural, words } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { AttestationCard } from "../standards/AttestationCard";
import { ControlTree } from "./ControlTree";
import { HistoryCard } from "./HistoryCard";
import { ScopeSelect, useScope } from "./ScopeSelect";

export default function StandardPage() {
  const { id = "" } = useParams();
  const { scope, setScope, search } = useScope();
  const query = useStandard(id, scope);
  const standard = query.data?.id === id ? query.data : undefined;
  const title = standard?.title ?? "Standard";
  return (
    <div className="page" key={id}>
      <PageHead
        title={title} tabTitle={title} crumb={{ to: `/compliance${search}`, text: "Compliance" }}
        lead={standard && <span className="stack" style={{ gap: 2 }}><StatusBadge status={standard.state} /><span>{standard.description}</span></span>}
        actions={standard && (
          <>
            {standard.custom && <OwnActions standard={standard} />}
            <Button as="a" icon={<ArrowDownload20Regular />} href={reportAddress(id, scope, "csv")} download={`${id}.csv`}>Download CSV</Button>
            <Button as="a" icon={<ArrowDownload20Regular />} href={reportAddress(id, scope, "pdf")} download={`${id}.pdf`}>Download PDF</Button>
          </>
        )}
      />
      <div className="filters"><ScopeSelect scope={scope} onChange={setScope} /></div>
      <Loaded query={{ ...query, data: standard }} rows={12}>
        {(known) => (
          <div className="page" aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
            <Standing standard={known} scope={scope} />
            <Controls standard={known} />
            <AttestationCard standard={known} scope={scope} />
          </div>
        )}
      </Loaded>
    </div>
  );
}

/** What can be done with a standard that the installation keeps itself. */
function OwnActions({ standard }: { standard: Standard }) {
  const navigate = useNavigate();
  const say = useSay();
  const mayEverywhere = useMayEverywhere();
  const path = `/standards/${encodeURIComponent(standard.id)}`;
  const remove = async () => {
    await api.remove(path);
    say("Standard deleted", standard.title);
    await navigate("/compliance");
    // What is gone must not be asked for again.
    await queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== standard.id });
  };
  return (
    <>
      {mayEverywhere(STANDARDS_WRITE) && <Button icon={<Edit20Regular />} onClick={() => void navigate(path)}>Edit</Button>}
      {mayEverywhere(STANDARDS_DELETE) && (
        <ConfirmDialog title={`Delete ${standard.title}?`} action="Delete" onConfirm={remove} trigger={<Button icon={<Delete20Regular />}>Delete</Button>}>
          <p>Its controls and its history are removed. What people attested stays in the record.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function Standing({ standard, scope }: { standard: Standard; scope: Scope }) {
  const shares = sharesOf(standard);
  return (
    <div className="columns">
      <section className="card stack wide" aria-label="Controls by state">
        <div className="stack" style={{ gap: 2 }}>
          <h2>Controls by state</h2>
          <p className="muted">{passedSentence(standard)}</p>
        </div>
        <StackedBar shares={shares} isTall />
        <Legend shares={shares} isColumn />
      </section>
      <HistoryCard id={standard.id} scope={scope} />
    </div>
  );
}

/** Whether sections are open: as they were found by a filter, or all or none by a person's wish. */
type Unfolded = "asFound" | "all" | "none";

function Controls({ standard }: { standard: Standard }) {
  const { values, set } = useUrlState(["q", "state"]);
  const [unfolded, setUnfolded] = useState<Unfolded>("asFound");
  const isFiltered = Boolean(values.q || values.state);
  const controls = useMemo(
    () => filterControls(standard.controls, values.q, values.state, (check) => standard.checks[check]?.title ?? ""),
    [standard, values.q, values.state],
  );
  const total = totalOf(standard.controlsByState);
  const shown = isFiltered ? totalOf(countLeaves(controls)) : total;
  const clear = () => set({ q: "", state: "" });
  const isOpen = unfolded === "all" || (unfolded === "asFound" && isFiltered);
  const choices = STATES.filter((value) => standard.controlsByState[value]).map((value) => ({ value, label: `${words(value)} (${formatCount(standard.controlsByState[value] ?? 0)})` }));
  return (
    <>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Number, title or check" onChange={(q) => set({ q })} />
        <FilterSelect label="State" value={values.state} choices={choices} onChange={(state) => set({ state })} />
        {isFiltered && <ClearFilters onClear={clear} />}
        <div className="fit row">
          <Button appearance="subtle" onClick={() => setUnfolded("all")}>Open all</Button>
          <Button appearance="subtle" onClick={() => setUnfolded("none")}>Close all</Button>
        </div>
      </div>
      <p className="muted" aria-live="polite">{plural(shown, "control")}{isFiltered && ` of ${formatCount(total)}`}</p>
      <section className="card" aria-label="Controls">
        {controls.length === 0
          ? <EmptyNote title="No control matches"><ClearFilters onClear={clear} /></EmptyNote>
          : <ControlTree key={`${values.q} ${values.state} ${unfolded}`} standard={standard.id} controls={controls} checks={standard.checks} isOpen={isOpen} />}
      </section>
    </>
  );
}
