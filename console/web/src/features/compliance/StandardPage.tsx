import { useMemo } from "react";
import { useParams } from "react-router";
import { useStandard } from "../../api/queries";
import type { Standard } from "../../api/types";
import { ClearFilters, FilterSelect, SearchBox } from "../../components/Filters";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Legend, StackedBar } from "../../components/StackedBar";
import { StatusBadge } from "../../components/StatusBadge";
import { filterControls } from "../../lib/compliance";
import { words } from "../../lib/format";
import { useUrlState } from "../../lib/useUrlState";
import { sharesOf, STATES } from "./CompliancePage";
import { ControlTree } from "./ControlTree";

const CRUMB = { to: "/compliance", text: "Compliance" };

export default function StandardPage() {
  const { id = "" } = useParams();
  const query = useStandard(id);
  return (
    <div className="page" key={id}>
      <PageHead title={query.data?.title ?? "Standard"} tabTitle={query.data?.title ?? "Standard"} crumb={CRUMB} lead={query.data && <StatusBadge status={query.data.state} />} />
      <Loaded query={query}>{(standard) => <Controls standard={standard} />}</Loaded>
    </div>
  );
}

function Controls({ standard }: { standard: Standard }) {
  const { values, set } = useUrlState(["q", "state"]);
  const isFiltered = Boolean(values.q || values.state);
  const controls = useMemo(() => filterControls(standard.controls, values.q, values.state), [standard, values.q, values.state]);
  const shares = sharesOf(standard);
  const clear = () => set({ q: "", state: "" });
  return (
    <>
      <section className="card stack" aria-label="Controls by state">
        <StackedBar shares={shares} isTall />
        <Legend shares={shares} />
      </section>
      <div className="filters">
        <SearchBox label="Search" value={values.q} placeholder="Number, title or check" onChange={(q) => set({ q })} />
        <FilterSelect label="State" value={values.state} choices={STATES.map((value) => ({ value, label: words(value) }))} onChange={(state) => set({ state })} />
        {isFiltered && <ClearFilters onClear={clear} />}
      </div>
      <section className="card" aria-label="Controls">
        {controls.length === 0
          ? <EmptyNote title="No control matches"><ClearFilters onClear={clear} /></EmptyNote>
          : <ControlTree key={`${values.q} ${values.state}`} controls={controls} isOpen={isFiltered} />}
      </section>
    </>
  );
}
