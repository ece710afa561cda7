import type { Party } from "../api/alertTypes";
import { shortName } from "./ids";

/** What people call it; of an id its end. */
export const partyName = ({ name, id }: Party): string => name || shortName(id);

/** What is attacked tells more than by whom it was reached. */
const RANK = ["azure-resource", "cloud-resource", "host", "container", "account", "ip", "dns", "url", "process", "file"];

const rankOf = ({ type }: Party): number => {
  const at = RANK.indexOf(type);
  return at < 0 ? RANK.length : at;
};

/** The most telling of what alerts share; one name is told once, whatever it is the name of. */
export function resourcesOf(shared: readonly Party[], most: number): { first: Party[]; nOthers: number } {
  const names = new Set<string>();
  const own = [...shared].sort((a, b) => rankOf(a) - rankOf(b)).filter((one) => {
    const name = partyName(one).toLowerCase();
    return names.has(name) ? false : names.add(name);
  });
  return { first: own.slice(0, most), nOthers: Math.max(0, own.length - most) };
}
