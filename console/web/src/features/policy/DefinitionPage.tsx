import { Tab, TabList, ToggleButton } from "@fluentui/react-components";
import { Beaker20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { useDefinition } from "../../api/policyQueries";
import type { DefinitionDetail, InitiativeDetail } from "../../api/policyTypes";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { sentence } from "../../lib/format";
import { objectTitle } from "../../lib/policy";
import { ComplianceCard } from "./Compliance";
import { DefinitionFacts } from "./DefinitionFacts";
import { Document } from "./Document";
import { InitiativeMembers } from "./InitiativeMembers";
import { ParameterTable } from "./ParameterTable";
import { RuleTree } from "./RuleTree";
import { TryPanel } from "./TryPanel";

const CRUMB = { to: "/policy/definitions", text: "Definitions" };

export default function DefinitionPage() {
  const [parameters] = useSearchParams();
  const id = parameters.get("id") ?? "";
  const query = useDefinition(id);
  return (
    <div className="page" key={id}>
      {query.data ? (query.data.kind === "initiative" ? <Initiative detail={query.data} /> : <Definition detail={query.data} />) : (
        <>
          <PageHead title="Definition" tabTitle="Definition" crumb={CRUMB} />
          <Loaded query={query} rows={10}>{() => null}</Loaded>
        </>
      )}
    </div>
  );
}

function Definition({ detail }: { detail: DefinitionDetail }) {
  const [isTrying, setIsTrying] = useState(false);
  const title = objectTitle(detail.displayName, detail.id);
  return (
    <>
      <PageHead
        title={title} tabTitle={title} crumb={CRUMB} lead={detail.description}
        actions={
          <ToggleButton icon={<Beaker20Regular />} checked={isTrying} onClick={() => setIsTrying(!isTrying)}>Try it</ToggleButton>
        }
      />
      {isTrying && <TryPanel stored={detail} />}
      <div className="split">
        <div className="stack wide">
          <Rule detail={detail} />
          <ParameterTable parameters={detail.parameters} />
        </div>
        <div className="stack wide">
          <DefinitionFacts detail={detail} />
          {detail.notEvaluated
            ? <section className="card stack" aria-label="States"><h2>Not evaluated here</h2><p className="tone-Unknown">{sentence(detail.notEvaluated)} Skywarden knows nothing of its resources.</p></section>
            : <ComplianceCard title="States of resources" counted={detail.states} note="Each assignment counts for itself." />}
        </div>
      </div>
    </>
  );
}

function Rule({ detail }: { detail: DefinitionDetail }) {
  const [view, setView] = useState("words");
  return (
    <section className="card flush" aria-label="Rule">
      <div className="card-head">
        <h2>Rule</h2>
        <TabList size="small" selectedValue={view} onTabSelect={(_, data) => setView(String(data.value))} aria-label="How the rule is shown">
          <Tab value="words">In words</Tab>
          <Tab value="json">JSON</Tab>
        </TabList>
      </div>
      <div className="tab-body">
        {view === "json" ? <Document document={detail.document} /> : detail.policyRule ? <RuleTree rule={detail.policyRule} parameters={detail.parameters} /> : <p className="muted">The rule is not kept in its document.</p>}
      </div>
    </section>
  );
}

function Initiative({ detail }: { detail: InitiativeDetail }) {
  const [view, setView] = useState("definitions");
  const title = objectTitle(detail.displayName, detail.id);
  return (
    <>
      <PageHead title={title} tabTitle={title} crumb={CRUMB} lead={detail.description} />
      <div className="split">
        <section className="card flush" aria-label="Contents">
          <div className="tabs-scroll">
            <TabList selectedValue={view} onTabSelect={(_, data) => setView(String(data.value))}>
              <Tab value="definitions">Definitions ({detail.members.length})</Tab>
              <Tab value="parameters">Parameters ({detail.parameters.length})</Tab>
              <Tab value="json">JSON</Tab>
            </TabList>
          </div>
          {view === "definitions" && <InitiativeMembers detail={detail} />}
          {view === "parameters" && <ParameterTable parameters={detail.parameters} isBare />}
          {view === "json" && <div className="tab-body"><Document document={detail.document} /></div>}
        </section>
        <DefinitionFacts detail={detail} />
      </div>
    </>
  );
}
