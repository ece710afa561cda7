import { useState } from "react";
import { Link } from "react-router";
import type { BesideDefender, ScoresBeside } from "../../api/defenderTypes";
import { AccountName } from "../../components/AccountName";
import { RangeBar } from "../../components/RangeBar";
import { ShowMore } from "../../components/ShowMore";
import { formatPercent, formatPoints } from "../../lib/format";

/** Subscriptions shown before a person asks for more. */
const STEP = 8;

/** The secure scores of each subscription, Defender's above ours. */
export function ScoresCard({ beside: { connector, scores, unread } }: { beside: BesideDefender }) {
  const [limit, setLimit] = useState(STEP);
  return (
    <section className="card flush" aria-label="Secure scores">
      <div className="card-head"><h2>Secure scores</h2></div>
      <ul className="plain score-pairs">
        {scores.slice(0, limit).map((own) => <Pair key={own.account} connector={connector} scores={own} isUnread={unread[own.account]?.score !== undefined} />)}
      </ul>
      <ShowMore left={scores.length - limit} onMore={() => setLimit(limit + STEP)} />
    </section>
  );
}

function Pair({ connector, scores: { account, theirs, ours, range }, isUnread }: { connector: string; scores: ScoresBeside; isUnread: boolean }) {
  const rangeText = range && `${formatPercent(range[0])} to ${formatPercent(range[1])}`;
  return (
    <li className="stack" style={{ gap: 4 }}>
      <Link to={`/inventory?${new URLSearchParams({ connector, account })}`} className="cell-title"><AccountName id={account} /></Link>
      <span className="small muted breakable">{account}</span>
      <Score
        who="Defender" value={theirs?.percentage} none={isUnread ? "Could not be read" : "None given"}
        note={theirs ? `${formatPoints(theirs.current)} of ${formatPoints(theirs.max)} points` : ""}
      />
      <Score who="Skywarden" value={ours} range={range ?? undefined} none="Not assessed" note={rangeText ?? ""} />
    </li>
  );
}

interface ScoreProps {
  who: string;
  value: number | null | undefined;
  range?: readonly [number, number];
  none: string;
  note: string;
}

function Score({ who, value, range, none, note }: ScoreProps) {
  const isThere = typeof value === "number";
  return (
    <div className="score-line">
      <span className="muted">{who}</span>
      {isThere ? <RangeBar value={value} range={range} text={`${who}: ${formatPercent(value)}${note && `, ${note}`}`} /> : <span />}
      <span className="number">
        {isThere ? <strong>{formatPercent(value)}</strong> : <span className="muted">{none}</span>} {note && <span className="small muted">{note}</span>}
      </span>
    </div>
  );
}
