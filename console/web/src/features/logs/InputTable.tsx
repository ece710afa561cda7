import { ArrowSync16Regular, DismissCircle16Filled, PauseCircle16Regular, QuestionCircle16Filled } from "@fluentui/react-icons";
import type { LogInput } from "../../api/alertTypes";
import { DataTable } from "../../components/DataTable";
import { LongText } from "../../components/JsonTree";
import { Time } from "../../components/Time";
import { formatCount, plural, sentence, words } from "../../lib/format";
import { behindText, bytesText, durationText, inOrderOfNeed, kindText, rateText, toneOf } from "../../lib/logInputs";

const ICONS = { Healthy: ArrowSync16Regular, NotApplicable: PauseCircle16Regular, Unhealthy: DismissCircle16Filled, Unknown: QuestionCircle16Filled };

export function InputTable({ inputs }: { inputs: readonly LogInput[] }) {
  return (
    <DataTable
      label="Log inputs" groups={[{ key: "", title: null, rows: inOrderOfNeed(inputs) }]} rowKey={(row) => row.id} rowName={(row) => row.id}
      columns={[
        { key: "id", header: "Input", isLead: true, cell: (row) => <><strong className="breakable">{row.id}</strong><div className="small muted">{row.sourceTitle} · {kindText(row.from)}</div></> },
        { key: "state", header: "State", width: "188px", cell: (row) => <State row={row} /> },
        { key: "rate", header: "Rate", width: "112px", cell: (row) => rateText(row.perSecond) },
        { key: "lag", header: "Newest event", width: "128px", cell: (row) => <Newest row={row} /> },
        { key: "received", header: "Last received", width: "128px", cell: (row) => (row.lastReceived ? <Time at={row.lastReceived} /> : <span className="muted">Nothing yet</span>) },
        { key: "events", header: "Events", width: "88px", isEnd: true, cell: (row) => <span className="number">{formatCount(row.nEvents)}</span> },
        { key: "bad", header: "Bad", width: "72px", isEnd: true, cell: (row) => <span className={`number ${row.nBad > 0 ? "tone-Unknown" : "muted"}`}>{formatCount(row.nBad)}</span> },
      ]}
      detail={(row) => <Detail row={row} />}
    />
  );
}

function State({ row }: { row: LogInput }) {
  const tone = toneOf(row.state);
  const Icon = ICONS[tone];
  return (
    <div className="stack" style={{ gap: 0 }}>
      <span className={`badge tone-${tone}`}><Icon aria-hidden />{words(row.state)}</span>
      {row.problem && <span className="small two-lines" title={row.problem.reason}>{sentence(row.problem.reason)}</span>}
      {row.problem && <span className="small muted">since <Time at={row.problem.since} /></span>}
    </div>
  );
}

function Newest({ row }: { row: LogInput }) {
  if (!row.lastEvent) return <span className="muted">None yet</span>;
  return <><div><Time at={row.lastEvent} /></div>{typeof row.lagSeconds === "number" && <div className="small muted">{durationText(row.lagSeconds)} late</div>}</>;
}

function Detail({ row }: { row: LogInput }) {
  return (
    <div className="stack wide">
      {row.problem && <p className="tone-Unhealthy"><bdi>{sentence(row.problem.reason)}</bdi></p>}
      <dl className="facts">
        <dt>Log source</dt><dd><code>{row.source}</code></dd>
        <dt>Read</dt><dd>{plural(row.nTexts, "text")}, {bytesText(row.nBytes)}</dd>
        <dt>Came again</dt><dd>{formatCount(row.nRepeated)}: taken in once</dd>
        <dt>Waiting at the source</dt><dd>{behindText(row)}</dd>
        {row.takesPosts && <><dt>Takes posts at</dt><dd><code className="breakable">/api/v1/logInputs/{row.id}/events</code></dd></>}
        <dt>Failures</dt><dd>{formatCount(row.nFailures)}</dd>
      </dl>
      {row.nBad > 0 && (
        <div className="stack">
          <h3>Lines that could not be read</h3>
          <p className="small muted">No detection sees them. All are kept in <code>dead-letters/{row.id}.jsonl</code>{row.badLines.length > 0 && row.badLines.length < row.nBad && `; the newest ${formatCount(row.badLines.length)} are shown`}.</p>
          {row.badLinesUnread && <p className="tone-Unknown"><bdi>{sentence(row.badLinesUnread)}</bdi></p>}
          {row.badLines.length > 0 && <div className="detail-table scroll-rows">
            <table className="table cards" role="table" aria-label="Lines that could not be read">
              <thead role="rowgroup"><tr role="row"><th role="columnheader" style={{ width: 150 }}>When</th><th role="columnheader">Why</th><th role="columnheader">Line</th></tr></thead>
              <tbody role="rowgroup">
                {row.badLines.map((line, at) => (
                  <tr role="row" className="plain-row" key={`${at} ${line.at}`}>
                    <td role="cell" data-label="When"><Time at={line.at} /></td>
                    <td role="cell" data-label="Why"><bdi>{sentence(line.reason)}</bdi>{line.stream && <div className="small muted breakable"><bdi>{line.stream}</bdi></div>}</td>
                    <td role="cell" data-label="Line"><code className="plain-long"><LongText text={line.text} limit={200} /></code></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>}
        </div>
      )}
    </div>
  );
}
