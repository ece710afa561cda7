import { Button } from "@fluentui/react-components";
import { Delete16Regular } from "@fluentui/react-icons";
import { Link } from "react-router";
import { api } from "../../api/client";
import { queryClient, refetchEverything, useExemptions } from "../../api/queries";
import type { Exemption, Overview } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DataTable } from "../../components/DataTable";
import { recommendationPath, resourcePath } from "../../components/links";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { SampleBadge } from "../../components/SampleBadge";
import { useSay } from "../../components/useSay";
import { formatDate, formatTime, plural } from "../../lib/format";
import { scoreChange } from "../../lib/score";
import { useTitles } from "../changes/useTitles";

export default function ExemptionsPage() {
  const query = useExemptions();
  return (
    <div className="page">
      <PageHead title="Exemptions" tabTitle="Exemptions" lead="What you set aside, where and why. What is exempt does not count in the secure score." />
      <Loaded query={query}>
        {(exemptions) => exemptions.length === 0 ? (
          <div className="card">
            <EmptyNote title="Nothing is exempt">
              <p>To set something aside, open a <Link to="/recommendations">recommendation</Link> and choose a resource.</p>
            </EmptyNote>
          </div>
        ) : (
          <>
            <p className="muted">{plural(exemptions.length, "exemption")}</p>
            <div className="card flush"><ExemptionTable exemptions={exemptions} /></div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function ExemptionTable({ exemptions }: { exemptions: readonly Exemption[] }) {
  const titles = useTitles();
  const titleOf = (row: Exemption) => titles.get(row.recommendation)?.title ?? row.recommendation;
  return (
    <DataTable
      label="Exemptions" groups={[{ key: "", title: null, rows: exemptions }]} rowKey={(row) => row.id}
      columns={[
        {
          key: "what", header: "Recommendation", isLead: true,
          cell: (row) => (
            <>
              <span className="row">
                <Link to={recommendationPath(row.recommendation)} className="cell-title">{titleOf(row)}</Link>
                {titles.get(row.recommendation)?.sample && <SampleBadge />}
              </span>
              {row.finding && <div className="small muted">Finding <code>{row.finding}</code></div>}
            </>
          ),
        },
        { key: "where", header: "Where", width: "24%", cell: (row) => <Where exemption={row} /> },
        { key: "category", header: "Category", width: "100px", cell: (row) => row.category },
        { key: "reason", header: "Reason", width: "22%", cell: (row) => <span className="pre-wrap">{row.reason}</span> },
        {
          key: "expires", header: "Expires", width: "150px",
          cell: (row) => (
            <>
              <div>{row.expiresAt ? formatDate(row.expiresAt) : "Never"}</div>
              <div className="small muted" title={formatTime(row.createdAt)}>Added {formatDate(row.createdAt)} by {row.createdBy}</div>
            </>
          ),
        },
        { key: "remove", header: "Action", width: "132px", cell: (row) => <RemoveButton exemption={row} title={titleOf(row)} /> },
      ]}
    />
  );
}

function Where({ exemption }: { exemption: Exemption }) {
  const { scope } = exemption;
  switch (scope.kind) {
    case "resource":
      return <Link to={resourcePath(scope.id)} className="clip" title={scope.id}><bdi>{scope.id}</bdi></Link>;
    case "subscription":
      return <>Account {scope.account}</>;
    case "resourceGroup":
      return <>{scope.resourceGroup} in account {scope.account}</>;
    default:
      return <>Everywhere</>;
  }
}

function RemoveButton({ exemption, title }: { exemption: Exemption; title: string }) {
  const say = useSay();
  const remove = async () => {
    const before = await queryClient.fetchQuery({ queryKey: ["overview"], queryFn: () => api.get<Overview>("/overview") });
    await api.remove(`/exemptions/${encodeURIComponent(exemption.id)}`);
    const after = await refetchEverything();
    say("Exemption removed", scoreChange(before.secureScore, after.secureScore));
  };
  return (
    <ConfirmDialog
      title="Remove the exemption?" action="Remove" onConfirm={remove}
      trigger={<Button size="small" className="nowrap" icon={<Delete16Regular />}>Remove</Button>}
    >
      <p>“{title}” is assessed again where it was exempt, and counts in the secure score.</p>
    </ConfirmDialog>
  );
}
