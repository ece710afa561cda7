import { useState } from "react";
import { Link } from "react-router";
import type { Party } from "../../api/alertTypes";
import { entityTitle } from "../../lib/alerts";
import { formatCount, shorten } from "../../lib/format";
import { partyName, resourcesOf } from "../../lib/incidents";

/** Entities laid out before a person asks for the rest. */
const FIRST = 10;

/** What joins the alerts. */
export function SharedEntities({ shared, isHidden }: { shared: readonly Party[]; isHidden: boolean }) {
  const [isWhole, setIsWhole] = useState(false);
  const { first, nOthers } = resourcesOf(shared, isWhole ? shared.length : FIRST);
  return (
    <section className="card stack" aria-label="Shared entities">
      <h2>What the alerts share</h2>
      {first.length === 0 && <p className="muted">{isHidden ? "It is not told, since it may name somebody of an alert that you may not see." : "Nothing that all could be joined by is named."}</p>}
      <ul className="plain stack entities">
        {first.map((party) => (
          <li key={`${party.type} ${party.id}`}>
            <span className="small muted">{entityTitle(party.type)}</span>
            <Link className="entity-name breakable" to={`/alerts?status=any&days=90&q=${encodeURIComponent(shorten(partyName(party), 100).replace(/…$/, ""))}`} title="Alerts that name it"><bdi>{shorten(partyName(party), 300)}</bdi></Link>
          </li>
        ))}
      </ul>
      {nOthers > 0 && <button type="button" className="link-button" onClick={() => setIsWhole(true)}>Show {formatCount(nOthers)} more</button>}
    </section>
  );
}
