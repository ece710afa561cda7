import { formatCount } from "../lib/format";

/** The foot of a list that is laid out in part; nothing where nothing is left. */
export function ShowMore({ left, onMore }: { left: number; onMore: () => void }) {
  if (left <= 0) return null;
  return (
    <div className="pager"><button type="button" className="link-button" onClick={onMore}>Show more; {formatCount(left)} are left</button></div>
  );
}
