import { Button } from "@fluentui/react-components";
import { ArrowDownload20Regular, ArrowUpload20Regular, Beaker20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useMay } from "../../api/peopleQueries";
import { usePolicyOverview, usePolicyScope } from "../../api/policyQueries";
import type { PolicyOverview } from "../../api/policyTypes";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote } from "../../components/Problem";
import { DEFINITIONS_READ, DEFINITIONS_WRITE } from "../../lib/actions";
import { plural, words } from "../../lib/format";
import { exportAddress, sumOf } from "../../lib/policy";
import { useUrlState } from "../../lib/useUrlState";
import { AssignmentTable } from "./AssignmentTable";
import { ComplianceCard } from "./Compliance";
import { ImportDialog } from "./ImportDialog";
import { PolicyWarnings } from "./PolicyWarnings";
import { ScopeExemptions } from "./ScopeExemptions";
import { ScopeTree } from "./ScopeTree";

export default function PolicyPage() {
  const query = usePolicyOverview();
  const navigate = useNavigate();
  const [isImporting, setIsImporting] = useState(false);
  const may = useMay();
  const canImport = may(DEFINITIONS_WRITE);
  const isEmpty = query.data !== undefined && sumOf(query.data.objects) === 0;
  return (
    <div className="page">
      <PageHead
        title="Policy" tabTitle="Policy" lead="Azure Policy over every cloud: what is in force where, and how resources comply."
        actions={
          <>
            {may(DEFINITIONS_READ) && <Button icon={<Beaker20Regular />} onClick={() => void navigate("/policy/try")}>Try a policy</Button>}
            {query.data && !isEmpty && may(DEFINITIONS_READ) && <Button as="a" icon={<ArrowDownload20Regular />} href={exportAddress()} download="policies.zip">Export</Button>}
            {query.data && !isEmpty && canImport && <Button appearance="primary" icon={<ArrowUpload20Regular />} onClick={() => setIsImporting(true)}>Import</Button>}
          </>
        }
      />
      <Loaded query={query} rows={10}>
        {(overview) => (isEmpty ? <Nothing onImport={canImport ? () => setIsImporting(true) : undefined} /> : <Overview overview={overview} />)}
      </Loaded>
      <ImportDialog isOpen={isImporting} onOpen={setIsImporting} />
    </div>
  );
}

function Nothing({ onImport }: { onImport?: () => void }) {
  return (
    <div className="card">
      <EmptyNote title="No policy is here yet">
        <div className="stack" style={{ maxWidth: "72ch" }}>
          <p>
            Skywarden judges resources of every cloud by policies in Azure&apos;s own format. Import definitions, initiatives, assignments, exemptions and management
            groups: JSON or YAML files, or a zip archive of them, as Azure&apos;s command line writes them or as they lie in a repository.
          </p>
          <p>An assignment puts a definition in force at a scope; without one, nothing is judged.</p>
        </div>
        {onImport ? (
          <>
            <Button appearance="primary" icon={<ArrowUpload20Regular />} onClick={onImport}>Import policies</Button>
            <p className="small">Or on the command line: <code>skywarden policy import FOLDER</code></p>
          </>
        ) : <LacksNote action={DEFINITIONS_WRITE} what="import policies" />}
      </EmptyNote>
    </div>
  );
}

function Overview({ overview }: { overview: PolicyOverview }) {
  return (
    <>
      <div className="columns">
        <ComplianceCard title="Resources by state" counted={overview.total} note="Each resource counts once, with its worst state." />
        <Objects objects={overview.objects} />
      </div>
      <PolicyWarnings overview={overview} />
      <Scopes overview={overview} />
    </>
  );
}

const ALL: readonly string[] = ["assignment", "initiative", "definition", "exemption", "attestation", "managementGroup"];

function Objects({ objects }: { objects: Record<string, number> }) {
  const name = (kind: string, count: number) => plural(count, words(kind).toLowerCase()).replace(/^[\d.,\s]+/, "");
  return (
    <section className="card stack wide" aria-label="What is here">
      <h2>What is here</h2>
      <div className="figures">
        {ALL.map((kind) => {
          const count = objects[kind] ?? 0;
          const isListed = kind === "definition" || kind === "initiative";
          return (
            <div className="figure" key={kind}>
              <strong>{isListed && count > 0 ? <Link to={`/policy/definitions?kind=${kind}`}>{count}</Link> : count}</strong>
              <span className="muted">{name(kind, count)}</span>
            </div>
          );
        })}
      </div>
      <Link to="/policy/definitions">Browse definitions and initiatives</Link>
    </section>
  );
}

function Scopes({ overview }: { overview: PolicyOverview }) {
  const { values, set } = useUrlState(["scope"]);
  const query = usePolicyScope(values.scope);
  const scope = values.scope ? query.data : undefined;
  return (
    <div className="policy-split">
      <ScopeTree scopes={overview.scopes} chosen={values.scope} onChoose={(id) => set({ scope: id })} />
      <div className="stack wide" aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
        {values.scope && !scope ? <Loaded query={query}>{() => null}</Loaded> : (
          <>
            <AssignmentTable overview={overview} scope={scope} />
            {scope && <ScopeExemptions scope={scope} assignments={overview.assignments} />}
          </>
        )}
      </div>
    </div>
  );
}
