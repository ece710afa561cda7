import type { Subscription } from "../api/types";

/** What accounts are called by their environments, by id; those without a name are left out. A name that several have is followed by the start of the id. */
export function accountNames(subscriptions: readonly Pick<Subscription, "account" | "name">[]): Map<string, string> {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { account, name } of subscriptions) {
    if (!name || names.has(account)) continue;
    names.set(account, name);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [account, name] of names) {
    if ((counts.get(name) ?? 0) > 1) names.set(account, `${name} (${account.split("-")[0]})`);
  }
  return names;
}
