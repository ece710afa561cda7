import { useState } from "react";
import { Link } from "react-router";
import type { AlertEntity } from "../../api/alertTypes";
import { entityText } from "../../lib/alerts";
import { formatCount, shorten } from "../../lib/format";

/** Entities laid out before a person asks for the rest. */
const FIRST = 12;

/** Whom and what an alert is about; each leads to other alerts that name it. */
export function AlertEntities({ entities }: { entities: readonly AlertEntity[] }) {
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? entities : entities.slice(0, FIRST);
  return (
    <section className="card stack" aria-label="Entities">
      <h2>Entities</h2>
      {entities.length === 0 && <p className="muted">The events name nobody and nothing.</p>}
      <ul className="plain stack entities">
        {shown.map((entity, at) => <Entity key={at} entity={entity} />)}
      </ul>
      {entities.length > shown.length && <button type="button" className="link-button" onClick={() => setIsWhole(true)}>Show {formatCount(entities.length - shown.length)} more</button>}
    </section>
  );
}

function Entity({ entity }: { entity: AlertEntity }) {
  const { title, name, more } = entityText(entity);
  return (
    <li>
      <span className="small muted">{title}</span>
      <Link className="entity-name breakable" to={`/alerts?status=any&days=90&q=${encodeURIComponent(shorten(name, 100).replace(/…$/, ""))}`} title="Alerts that name it"><bdi>{shorten(name, 400)}</bdi></Link>
      {more.length > 0 && <span className="small muted breakable">{more.map((one) => `${one.name}: ${shorten(one.text, 120)}`).join(" · ")}</span>}
    </li>
  );
}
