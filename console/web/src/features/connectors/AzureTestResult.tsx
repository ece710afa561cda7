import { Button } from "@fluentui/react-components";
import { ArrowDownload16Regular, CheckmarkCircle16Filled, CircleHalfFill16Regular, QuestionCircle16Filled } from "@fluentui/react-icons";
import type { AzureTest, TestedPermission, TestedSubscription } from "../../api/connectorTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { DataTable } from "../../components/DataTable";
import { hasGaps } from "../../lib/connectAzure";
import { saveText } from "../../lib/download";
import { formatCount, plural, sentence } from "../../lib/format";

/** What the login may read where, what stays unknown, and how to mend it. */
export function AzureTestResult({ test, clientId }: { test: AzureTest; clientId: string }) {
  const lacksActions = test.unseen.length > 0 || test.subscriptions.some((one) => one.state !== "complete");
  const denied = test.directory.filter((one) => !one.granted);
  return (
    <div className="stack wide">
      <Subscriptions test={test} />
      {test.directory.length > 0 && <Directory rows={test.directory} />}
      {!hasGaps(test) && <p><span className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />Everything can be read</span></p>}
      {lacksActions && <Mend test={test} />}
      {denied.length > 0 && (
        <section className="stack" aria-label="Permissions of Microsoft Graph">
          <h3>Permissions of Microsoft Graph</h3>
          <p>In the Microsoft Entra admin center, open the app registration{clientId && <> <code className="breakable">{clientId}</code></>}, add {denied.length === 1 ? "this application permission" : "these application permissions"} of Microsoft Graph, and grant consent as an administrator: {denied.map((one, place) => <span key={one.permission}>{place > 0 && ", "}<code>{one.permission}</code></span>)}.</p>
        </section>
      )}
    </div>
  );
}

type Line = TestedSubscription & { isUnseen: boolean };

function Subscriptions({ test }: { test: AzureTest }) {
  const unseen = test.unseen.map(({ id, reason }): Line => ({ id, state: "notKnown", reason, missing: [], recommendations: null, isUnseen: true }));
  const rows = [...test.subscriptions.map((one): Line => ({ ...one, isUnseen: false })), ...unseen];
  return (
    <section className="stack" aria-label="Subscriptions">
      <h3>Subscriptions</h3>
      <DataTable
        label="Subscriptions" groups={[{ key: "", title: null, rows }]} rowKey={(one) => one.id}
        columns={[
          { key: "id", header: "Subscription", isLead: true, cell: (one) => <code className="breakable">{one.id}</code> },
          { key: "state", header: "Can be read", width: "240px", cell: (one) => <State row={one} actions={test.actions} /> },
          { key: "unknown", header: "At least so many recommendations stay unknown", isEnd: true, width: "180px", cell: (one) => (one.recommendations === null ? <span className="tone-Unknown">Not known</span> : formatCount(one.recommendations)) },
        ]}
        detail={(one) => <Missing row={one} />} hasDetail={(one) => one.missing.length > 0 || one.reason !== null}
      />
    </section>
  );
}

function State({ row, actions }: { row: Line; actions: number }) {
  if (row.isUnseen) return <span className="badge tone-Unknown"><QuestionCircle16Filled aria-hidden />Cannot be seen</span>;
  if (row.state === "notKnown") return <span className="badge tone-Unknown"><QuestionCircle16Filled aria-hidden />Its rights cannot be told</span>;
  if (row.state === "complete") return <span className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />Everything</span>;
  return <span className="badge tone-Unknown"><CircleHalfFill16Regular aria-hidden />{formatCount(row.missing.length)} of {formatCount(actions)} actions missing</span>;
}

function Missing({ row }: { row: Line }) {
  const rows = [...row.missing].sort((left, right) => right.recommendations - left.recommendations || left.permission.localeCompare(right.permission));
  return (
    <div className="stack wide">
      {row.reason && <p>{sentence(row.reason)}</p>}
      {rows.length > 0 && (
        <ul className="plain stack missing-actions" style={{ gap: 4 }} aria-label={`Missing in ${row.id}`}>
          {rows.map((one) => (
            <li key={one.permission}><code className="breakable">{one.permission}</code> <span className="small muted">{one.recommendations === 0 ? "no recommendation judges what it reads by itself" : `${plural(one.recommendations, "recommendation")} ${one.recommendations === 1 ? "stays" : "stay"} unknown`}</span></li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Directory({ rows }: { rows: readonly TestedPermission[] }) {
  return (
    <section className="stack" aria-label="Directory">
      <h3>Directory</h3>
      <DataTable
        label="Directory" groups={[{ key: "", title: null, rows }]} rowKey={(one) => one.permission}
        columns={[
          { key: "permission", header: "Permission of Microsoft Graph", isLead: true, cell: (one) => <code className="breakable">{one.permission}</code> },
          { key: "state", header: "State", width: "240px", cell: (one) => one.granted ? <span className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />Granted</span> : <span className="badge tone-Unknown"><CircleHalfFill16Regular aria-hidden />Cannot be used</span> },
          { key: "unknown", header: "At least so many recommendations stay unknown", isEnd: true, width: "180px", cell: (one) => formatCount(one.granted ? 0 : one.recommendations) },
        ]}
        detail={(one) => <p>{sentence(one.reason ?? "")}</p>} hasDetail={(one) => one.reason !== null}
      />
    </section>
  );
}

const ROLE_FILE = "skywarden-reader.json";

function Mend({ test }: { test: AzureTest }) {
  return (
    <section className="stack" aria-label="How to mend it">
      <h3>How to mend it</h3>
      <p>Whoever may assign roles there saves the custom role, which allows these reads and nothing else, and runs the commands beside it. The built-in role Reader does as well, and allows more.</p>
      <div className="row"><Button icon={<ArrowDownload16Regular />} onClick={() => saveText(ROLE_FILE, `${JSON.stringify(test.role, null, 2)}\n`)}>Download {ROLE_FILE}</Button></div>
      <CopyBlock title="Commands" text={test.commands.join("\n")} isWrapped />
    </section>
  );
}
