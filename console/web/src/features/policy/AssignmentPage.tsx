import { Button, Tab, TabList } from "@fluentui/react-components";
import { Delete20Regular } from "@fluentui/react-icons";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useScopeTitle } from "../../api/planQueries";
import { useMay } from "../../api/peopleQueries";
import { useAssignment } from "../../api/policyQueries";
import type { AssignmentDetail, Setting } from "../../api/policyTypes";
import { CopyId } from "../../components/CopyBlock";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { POLICIES_DELETE } from "../../lib/actions";
import { formatCount, plural } from "../../lib/format";
import { definitionPath, objectTitle } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { ComplianceCard } from "./Compliance";
import { Document } from "./Document";
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
  const canDelete = useMay()(POLICIES_DELETE);
  const title = objectTitle(detail.displayName, detail.id);
  return (
    <>
      <PageHead
        title={title} tabTitle={title} crumb={CRUMB} lead={detail.description}
        actions={canDelete && (
          <RemoveButton
            id={detail.id} name={title} onDone={() => void navigate("/policy")} trigger={<Button icon={<Delete20Regular />}>Delete</Button>}
          >
            <p>What it asked is no longer judged: its states go. Its definitions and exemptions stay.</p>
          </RemoveButton>
        )}
      />
      <div className="columns">
        <ComplianceCard title="Resources by state" counted={detail}><Unjudged settings={detail.settings} /></ComplianceCard>
        <About detail={detail} />
      </div>
      <SetAside exemptions={detail.exemptions} attestations={detail.attestations} />
      <Tabs detail={detail} />
    </>
  );
}

/** Definitions that say nothing of any resource: their silence is no compliance. */
function Unjudged({ settings }: { settings: readonly Setting[] }) {
  const nElsewhere = settings.filter((own) => own.notEvaluated && !own.problem).length;
  const nProblems = settings.filter((own) => own.problem).length;
  if (nElsewhere + nProblems === 0) return null;
  return (
    <ul className="plain">
      {nElsewhere > 0 && <li className="tone-Unknown">{plural(nElsewhere, "definition")} of {settings.length} not evaluated here</li>}
      {nProblems > 0 && <li className="tone-Unhealthy">{plural(nProblems, "definition")} not in force</li>}
    </ul>
  );
}

function About({ detail }: { detail: AssignmentDetail }) {
  const titleOf = useScopeTitle();
  return (
    <section className="card" aria-label="About this assignment">
      <dl className="facts">
        <dt>Scope</dt>
        <dd><Link to={`/policy?scope=${encodeURIComponent(detail.scope)}`}>{titleOf({ id: detail.scope, name: detail.scopeName })}</Link>{detail.scope !== "/" && <div className="small muted">{detail.scope}</div>}</dd>
        {detail.notScopes.length > 0 && <><dt>But for</dt><dd>{detail.notScopes.map((scope) => <div key={scope}><Link to={`/policy?scope=${encodeURIComponent(scope)}`}>{scope}</Link></div>)}</dd></>}
        <dt>{detail.isInitiative ? "Initiative" : "Definition"}</dt>
        <dd><Link to={definitionPath(detail.definitionId)}>{objectTitle(detail.definitionName, detail.definitionId)}</Link>{!detail.definitionName && <div className="tone-Unknown">is not here: nothing is in force</div>}</dd>
        <dt>Enforcement</dt>
        <dd>{detail.enforced ? "Enforced: it denies and changes" : "Not enforced: it judges, but denies and changes nothing"}</dd>
        {detail.resourceSelectors.length > 0 && <><dt>Only resources</dt><dd>{detail.resourceSelectors.map((all, at) => <div key={at}>{at > 0 && "or "}<code>{all.join(" and ")}</code></div>)}</dd></>}
        {detail.overrides.length > 0 && <><dt>Overrides</dt><dd>{detail.overrides.map((own, at) => <div key={at}>{own.effect}{own.selectors.length > 0 && <> where <code>{own.selectors.join(" and ")}</code></>}</div>)}</dd></>}
        <dt>Id</dt>
        <dd><code className="breakable">{detail.id}</code> <CopyId id={detail.id} /></dd>
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
      {tab === "json" && <div className="tab-body"><Document document={detail.document} /></div>}
    </section>
  );
}
