import { CheckmarkCircle16Filled, CircleHalfFill16Regular, DismissCircle16Filled, QuestionCircle16Filled, SubtractCircle16Regular } from "@fluentui/react-icons";
import { Link } from "react-router";
import type { ConnectorRow } from "../../api/connectorTypes";
import { AccountName } from "../../components/AccountName";
import { DataTable } from "../../components/DataTable";
import { SampleBadge } from "../../components/SampleBadge";
import { Legend, StackedBar } from "../../components/StackedBar";
import { Time } from "../../components/Time";
import { ageOf, healthOf, isNeverRead, type ConnectorGroup } from "../../lib/connectors";
import { besidePath } from "../../lib/defender";
import { environmentName, formatCount, formatFull, formatPercent, plural, sentence, shorten } from "../../lib/format";
import { useAccountNames } from "../inventory/useConnectors";

const SIGNS = { Healthy: CheckmarkCircle16Filled, Unknown: CircleHalfFill16Regular, Unhealthy: DismissCircle16Filled, NotApplicable: SubtractCircle16Regular };

interface Line {
  row: ConnectorRow;
  members: readonly ConnectorRow[];
  isMember: boolean;
}

/** Connectors, an organisation followed by its accounts. */
export function ConnectorTable({ groups }: { groups: readonly ConnectorGroup[] }) {
  const lines = groups.flatMap(({ row, members }): Line[] => [
    { row, members, isMember: false },
    ...members.map((member) => ({ row: member, members: [], isMember: true })),
  ]);
  return (
    <DataTable
      label="Connectors" groups={[{ key: "", title: null, rows: lines }]} rowKey={(line) => line.row.id} rowName={(line) => line.row.displayName}
      columns={[
        { key: "name", header: "Connector", isLead: true, cell: (line) => <Name line={line} /> },
        { key: "health", header: "Health", width: "210px", cell: (line) => <HealthCell line={line} /> },
        { key: "age", header: "Data", width: "130px", cell: (line) => <Age row={line.row} /> },
        { key: "coverage", header: "Lists", width: "140px", cell: (line) => <Lists row={line.row} /> },
        { key: "resources", header: "Resources", isEnd: true, width: "100px", cell: (line) => !line.row.organization && <Resources row={line.row} /> },
        { key: "missing", header: "Missing permissions", isEnd: true, width: "116px", cell: (line) => <Missing row={line.row} /> },
      ]}
      detail={(line) => <Detail row={line.row} />} hasDetail={(line) => !line.row.organization || Boolean(line.row.attempt?.error)}
    />
  );
}

function Name({ line }: { line: Line }) {
  const { row, isMember, members } = line;
  const names = useAccountNames();
  const accounts = row.accounts.map((one) => names.get(one.account) ?? one.account).join(", ");
  return (
    <div className={isMember ? "member" : undefined}>
      <strong className="two-lines" title={shorten(row.displayName, 1000)}><bdi>{row.displayName}</bdi></strong>
      {row.sample && <div><SampleBadge /></div>}
      <div className="small muted clip" title={shorten(accounts, 1000)}>
        {environmentName(row.environment)}{row.organization ? `, organisation of ${plural(members.length, "account")}` : accounts && <>, <bdi>{accounts}</bdi></>}
      </div>
      {row.environment === "Azure" && <Link to={besidePath(row.id)} className="small">Beside Defender</Link>}
    </div>
  );
}

function HealthCell({ line }: { line: Line }) {
  const health = healthOf(line.row);
  const Icon = isNeverRead(line.row) && health.tone === "Unknown" ? QuestionCircle16Filled : SIGNS[health.tone];
  const failing = line.members.filter((member) => healthOf(member).tone === "Unhealthy").length;
  return (
    <div className="stack" style={{ gap: 0 }}>
      <span className={`badge tone-${health.tone}`}><Icon aria-hidden />{health.word}</span>
      {health.why && <span className="small muted two-lines" title={shorten(health.why, 1000)}>{health.why}</span>}
      {failing > 0 && <span className="small tone-Unhealthy">{plural(failing, "account")} cannot be read</span>}
    </div>
  );
}

function Age({ row }: { row: ConnectorRow }) {
  if (row.organization) return <span className="small muted">{row.attempt?.succeededAt && <>Listed <Time at={row.attempt.succeededAt} /></>}</span>;
  if (!row.takenAt) return <span className="muted">None</span>;
  return (
    <span title={formatFull(row.takenAt)}>
      {ageOf(row.takenAt)} old
      {!row.attempt && <span className="small muted"><br />From a recording</span>}
    </span>
  );
}

const LISTS = [["complete", "Complete"], ["partial", "Incomplete"], ["failed", "Failed"], ["skipped", "Skipped"]] as const;
const FILLS = { complete: "Passed", partial: "Unknown", failed: "Failed", skipped: "NotApplicable" } as const;

function Lists({ row }: { row: ConnectorRow }) {
  const total = LISTS.reduce((sum, [name]) => sum + row.coverage[name], 0);
  if (total === 0) return row.organization ? null : <span className="muted">None</span>;
  const told = LISTS.filter(([name]) => row.coverage[name] > 0).map(([name, word]) => `${formatCount(row.coverage[name])} ${word.toLowerCase()}`).join(", ");
  return (
    <div className="stack" style={{ gap: 2 }} title={told}>
      <StackedBar shares={LISTS.map(([name, label]) => ({ name: FILLS[name], label, count: row.coverage[name] }))} />
      <span className="small muted">{formatCount(row.coverage.complete)} of {formatCount(total)} complete</span>
    </div>
  );
}

/** What was never read has no count: none is not zero. */
const UNKNOWN = <span className="muted">Unknown</span>;

function Resources({ row }: { row: ConnectorRow }) {
  return isNeverRead(row) ? UNKNOWN : <>{formatCount(row.accounts.reduce((sum, one) => sum + one.resources, 0))}</>;
}

function Missing({ row }: { row: ConnectorRow }) {
  if (isNeverRead(row) && row.missingPermissions === 0) return UNKNOWN;
  if (row.missingPermissions === 0) return row.organization ? null : <span className="muted">None</span>;
  return <Link to={`/connectors?permissions=${encodeURIComponent(row.id)}#missing`} className="number">{formatCount(row.missingPermissions)}</Link>;
}

function Detail({ row }: { row: ConnectorRow }) {
  const { attempt, failures, coverage } = row;
  return (
    <div className="stack wide">
      <dl className="facts">
        <dt>Last tried</dt><dd>{attempt ? <Time at={attempt.at} /> : row.takenAt ? "Never; this is a recording, or it was read by hand" : "Not yet"}</dd>
        {attempt && <><dt>Last success</dt><dd>{attempt.succeededAt ? <Time at={attempt.succeededAt} /> : "Never"}</dd></>}
        {attempt?.error && <><dt>Error</dt><dd className="pre-wrap">{sentence(attempt.error)}</dd></>}
        {row.takenAt && <><dt>Data from</dt><dd><Time at={row.takenAt} /></dd></>}
        {row.accounts.map((one) => (
          <Account key={one.account} connector={row.id} account={one} />
        ))}
        <dt>Lists</dt>
        <dd className="stack">
          <Legend shares={LISTS.map(([name, label]) => ({ name: FILLS[name], label, count: coverage[name] }))} />
          <Link to={`/coverage?outcome=failed${row.accounts.length === 1 ? `&account=${encodeURIComponent(row.accounts[0]?.account ?? "")}` : ""}`}>Every list, with why it failed</Link>
        </dd>
      </dl>
      {failures.length > 0 && (
        <div className="stack" style={{ gap: 4 }}>
          <strong>What failed</strong>
          <ul className="plain stack" style={{ gap: 4 }}>
            {failures.slice(0, 12).map((failure) => (
              <li key={`${failure.kind} ${failure.code}`}>
                <span className="number">{formatCount(failure.count)}</span> × <code>{failure.code || failure.kind}</code>{" "}
                <span className="small muted"><bdi>{sentence(shorten(failure.example, 300))}</bdi></span>
              </li>
            ))}
          </ul>
          {failures.length > 12 && <span className="small muted">and {plural(failures.length - 12, "other way", "other ways")} of failing</span>}
        </div>
      )}
    </div>
  );
}

function Account({ connector, account }: { connector: string; account: ConnectorRow["accounts"][number] }) {
  const query = new URLSearchParams({ connector, account: account.account });
  return (
    <>
      <dt>Account</dt>
      <dd>
        <Link to={`/inventory?${query}`}><AccountName id={account.account} /></Link>, {plural(account.resources, "resource")}
        {typeof account.score === "number" && `, secure score ${formatPercent(account.score)}`}
      </dd>
    </>
  );
}
