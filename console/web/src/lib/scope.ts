import type { Scope } from "../api/complianceTypes";
import type { Overview, Subscription } from "../api/types";
import { accountNames } from "./accounts";

/** A scope as one text, for the choices of a list; names may hold any letter. */
export const scopeValue = (scope: Scope): string => (scope.connector || scope.account ? JSON.stringify([scope.connector ?? "", scope.account ?? ""]) : "");

export function scopeOf(value: string): Scope {
  if (!value) return {};
  const [connector, account] = JSON.parse(value) as [string, string];
  return { connector: connector || undefined, account: account || undefined };
}

/** Each connector that was assessed, with its accounts where it has several. */
export function scopeChoices(overview: Pick<Overview, "connectors" | "subscriptions"> | undefined): { value: string; label: string }[] {
  const names = accountNames(overview?.subscriptions ?? []);
  return (overview?.connectors ?? []).flatMap((connector) => {
    const accounts = (overview?.subscriptions ?? []).filter((one) => one.connector === connector.id);
    if (accounts.length === 0) return [];
    const whole = { value: scopeValue({ connector: connector.id }), label: connector.displayName };
    const single = ({ account }: Subscription) => ({ value: scopeValue({ connector: connector.id, account }), label: `${connector.displayName}: ${names.get(account) ?? account}` });
    return accounts.length === 1 ? [whole] : [whole, ...accounts.map(single)];
  });
}
