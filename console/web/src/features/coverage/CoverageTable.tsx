import { CheckmarkCircle16Filled, CircleHalfFill16Regular, DismissCircle16Filled, LockClosed16Filled, SubtractCircle16Regular } from "@fluentui/react-icons";
import type { CoverageItem, DeniedRead } from "../../api/types";
import { AccountName } from "../../components/AccountName";
import { DataTable } from "../../components/DataTable";
import { SampleBadge } from "../../components/SampleBadge";
import { PartedText } from "../../components/PartedText";
import { listed, permissionsOf, reasonOf, skipReason, type Outcome } from "../../lib/coverage";
import { reasonSentence } from "../../lib/evidence";
import { formatCount, plural, sentence } from "../../lib/format";
import { useSampleAccounts } from "../inventory/useConnectors";

export const OUTCOME_WORDS: Record<Outcome | "denied", string> = {
  complete: "Complete",
  partial: "Incomplete",
  failed: "Failed",
  skipped: "Skipped",
  denied: "Fields not readable",
};

const SIGNS = {
  complete: { Icon: CheckmarkCircle16Filled, tone: "Healthy" },
  partial: { Icon: CircleHalfFill16Regular, tone: "Unknown" },
  failed: { Icon: DismissCircle16Filled, tone: "Unhealthy" },
  skipped: { Icon: SubtractCircle16Regular, tone: "NotApplicable" },
};

export function CoverageTable({ items }: { items: readonly CoverageItem[] }) {
  const samples = useSampleAccounts();
  return (
    <DataTable
      label="Coverage" groups={[{ key: "", title: null, rows: items }]} rowKey={(item) => `${item.account} ${item.type} ${item.region}`}
      rowName={(item) => `${item.type} in ${item.region}`}
      columns={[
        { key: "type", header: "Type", isLead: true, cell: (item) => <span className="cell-title"><PartedText text={item.type} /></span> },
        { key: "region", header: "Region", width: "126px", cell: (item) => item.region },
        { key: "account", header: "Account", width: "270px", cell: (item) => <span className="row"><AccountName id={item.account} />{samples.has(item.account) && <SampleBadge />}</span> },
        { key: "outcome", header: "Outcome", width: "180px", cell: (item) => <OutcomeCell item={item} /> },
        { key: "count", header: "Listed", isEnd: true, width: "90px", cell: (item) => formatListed(item) },
        { key: "permission", header: "Missing permission", width: "196px", cell: (item) => <Missing item={item} /> },
      ]}
      hasDetail={(item) => !isWhole(item)} detail={(item) => <CoverageDetail item={item} />}
    />
  );
}

const isWhole = (item: CoverageItem): boolean => item.outcome.state === "complete" && (item.denied ?? []).length === 0;

function Missing({ item }: { item: CoverageItem }) {
  const permissions = permissionsOf(item);
  if (permissions.length > 0) {
    return <span className="stack" style={{ gap: 4 }}>{permissions.map((permission) => <code key={permission}>{permission}</code>)}</span>;
  }
  const failed = (item.denied ?? []).length;
  return failed > 0 ? <span className="muted">None; {plural(failed, "read")} failed otherwise</span> : null;
}

function formatListed(item: CoverageItem) {
  const count = listed(item);
  return count === undefined ? <span className="muted">Unknown</span> : formatCount(count);
}

function OutcomeCell({ item }: { item: CoverageItem }) {
  const { Icon, tone } = SIGNS[item.outcome.state] ?? SIGNS.failed;
  const fields = (item.denied ?? []).reduce((sum, read) => sum + read.fields.length, 0);
  return (
    <div className="stack" style={{ gap: 2 }}>
      <span className={`badge tone-${tone}`}><Icon aria-hidden />{OUTCOME_WORDS[item.outcome.state] ?? item.outcome.state}</span>
      {fields > 0 && <span className="badge small tone-Unknown"><LockClosed16Filled aria-hidden />{plural(fields, "field")} not readable</span>}
    </div>
  );
}

function CoverageDetail({ item }: { item: CoverageItem }) {
  const reason = reasonOf(item);
  const skipped = skipReason(item);
  const denied = item.denied ?? [];
  return (
    <div className="stack wide">
      {reason && <p><strong>{item.outcome.state === "partial" ? "The list is incomplete:" : "The list failed:"}</strong> {reasonSentence(reason)}.</p>}
      {skipped && <p><strong>Skipped:</strong> {sentence(skipped)}</p>}
      {denied.map((read, index) => <Denied key={index} read={read} />)}
      {!reason && !skipped && denied.length === 0 && <p className="muted">Everything asked for here could be read.</p>}
    </div>
  );
}

/** Field names shown before the rest is only counted. */
const SHOWN = 8;

function Denied({ read }: { read: DeniedRead }) {
  const more = read.fields.length - SHOWN;
  return (
    <div className="stack" style={{ gap: 4 }}>
      <p>
        <strong>{plural(read.fields.length, "field")}</strong> of {plural(read.nResources, "resource")}: {reasonSentence(read.reason)}.
        {read.reason.permission && <> Missing permission: <code>{read.reason.permission}</code></>}
      </p>
      <details>
        <summary className="small">Show the fields</summary>
        <ul className="plain small muted">
          {read.fields.slice(0, SHOWN * 25).map((field) => <li key={field}><code>{field}</code></li>)}
          {more > SHOWN * 24 && <li>and more</li>}
        </ul>
      </details>
    </div>
  );
}
