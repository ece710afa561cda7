import { Button, Tab, TabList } from "@fluentui/react-components";
import { Delete20Regular } from "@fluentui/react-icons";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useAssignment } from "../../api/policyQueries";
import type { AssignmentDetail } from "../../api/policyTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { JsonTree } from "../../components/JsonTree";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { formatCount } from "../../lib/format";
import { definitionPath, objectTitle, scopeTitle } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { ComplianceCard } from "./Compliance";
import { PolicyHistory } from "./PolicyHistory";
import { RemoveButton } from "./RemoveButton";
import { SetAside } from "./SetAside";
import { SettingList } from "./SettingList";
import { StateList } from "./StateList";

const CRUMB = { to: "/policy", text: "Policy" };

export default function AssignmentPage() {
  const [parameters] = useSearchParams();
  const id = parameters.get("id") ?? "";
  const query = useAssignment(id);
  return (
    <div className="page" key={id}>
      {query.data ? <Detail detail={query.data} /> : (
        <>
          <PageHead title="Assignment" tabTitle="Assignment" crumb={CRUMB} />
          <Loaded query={query} rows={10}>{() => null}</Loaded>
        </>
      )}
    </div>
  );
}

function Detail({ detail }: { detail: AssignmentDetail }) {
  const navigate = useNavigate();
  const title = objectTitle(detail.displayName, detail.id);
  return (
    <>
      <PageHead
        title={title} tabTitle={title} crumb={CRUMB} lead={detail.description}
        actions={
          <RemoveButton
            id={detail.id} name={title} onDone={() => void navigate("/policy")} trigger={<Button icon={<Delete20Regular />}>Delete</Button>}
          >
            <p>What it asked is no longer judged: its states go. Its definitions and exemptions stay.</p>
          </RemoveButton>
        }
      />
      <div className="columns">
        <ComplianceCard title="Resources by state" counted={detail} />
        <About detail={detail} />
      </div>
      <SetAside exemptions={detail.exemptions} attestations={detail.attestations} />
      <Tabs detail={detail} />
    </>
  );
}

function About({ detail }: { detail: AssignmentDetail }) {
  return (
    <section className="card" aria-label="About this assignment">
      <dl className="facts">
        <dt>Scope</dt>
        <dd><Link to={`/policy?scope=${encodeURIComponent(detail.scope)}`}>{scopeTitle({ id: detail.scope, name: detail.scopeName })}</Link>{detail.scope !== "/" && <div className="small muted">{detail.scope}</div>}</dd>
        {detail.notScopes.length > 0 && <><dt>But for</dt><dd>{detail.notScopes.map((scope) => <div key={scope}><Link to={`/policy?scope=${encodeURIComponent(scope)}`}>{scope}</Link></div>)}</dd></>}
        <dt>{detail.isInitiative ? "Initiative" : "Definition"}</dt>
        <dd><Link to={definitionPath(detail.definitionId)}>{objectTitle(detail.definitionName, detail.definitionId)}</Link>{!detail.definitionName && <div className="tone-Unknown">is not here: nothing is in force</div>}</dd>
        <dt>Enforcement</dt>
        <dd>{detail.enforced ? "Enforced: it denies and changes" : "Not enforced: it judges, but denies and changes nothing"}</dd>
        {detail.resourceSelectors.length > 0 && <><dt>Only resources</dt><dd>{detail.resourceSelectors.map((all, at) => <div key={at}>{at > 0 && "or "}<code>{all.join(" and ")}</code></div>)}</dd></>}
        {detail.overrides.length > 0 && <><dt>Overrides</dt><dd>{detail.overrides.map((own, at) => <div key={at}>{own.effect}{own.selectors.length > 0 && <> where <code>{own.selectors.join(" and ")}</code></>}</div>)}</dd></>}
        <dt>Id</dt>
        <dd><code>{detail.id}</code></dd>
      </dl>
    </section>
  );
}

function Tabs({ detail }: { detail: AssignmentDetail }) {
  const { values, set } = useUrlState(["tab"]);
  const tab = values.tab || "definitions";
  return (
    <section className="card flush" aria-label="Details">
      <div className="tabs-scroll">
        <TabList selectedValue={tab} onTabSelect={(_, data) => set({ tab: data.value === "definitions" ? "" : String(data.value) })}>
          <Tab value="definitions">Definitions ({formatCount(detail.settings.length)})</Tab>
          <Tab value="resources">Resources</Tab>
          <Tab value="history">History</Tab>
          <Tab value="json">JSON</Tab>
        </TabList>
      </div>
      {tab === "definitions" && <SettingList detail={detail} />}
      {tab === "resources" && <StateList filter={{ assignment: detail.id }} settings={detail.settings} />}
      {tab === "history" && <PolicyHistory filter={{ assignment: detail.id }} />}
      {tab === "json" && <div className="tab-body"><Json document={detail.document} /></div>}
    </section>
  );
}

/** A document to read and to copy. */
export function Json({ document }: { document: unknown }) {
  return (
    <div className="stack wide">
      <JsonTree value={document} openDepth={3} />
      <CopyBlock title="JSON" text={JSON.stringify(document, null, 2)} />
    </div>
  );
}
