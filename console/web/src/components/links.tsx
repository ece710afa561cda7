import { Link } from "react-router";
import { shorten } from "../lib/format";
import { SampleBadge } from "./SampleBadge";

export { endOfId } from "../lib/ids";

export const resourcePath = (id: string): string => `/inventory/resource?id=${encodeURIComponent(id)}`;
export const recommendationPath = (id: string): string => `/recommendations/${encodeURIComponent(id)}`;

/** A resource by its name, with its id below; both may be of any length. */
export function ResourceLink({ id, name, isSample = false }: { id: string; name?: string; isSample?: boolean }) {
  return (
    <span className="stack" style={{ gap: 0 }}>
      <span className="name-line">
        <Link to={resourcePath(id)} className="cell-title clip" title={shorten(name || id, 1000)}><bdi>{name || id}</bdi></Link>
        {isSample && <SampleBadge />}
      </span>
      {name && name !== id && <span className="small muted clip" title={shorten(id, 1000)}><bdi>{id}</bdi></span>}
    </span>
  );
}
