import { useAccountNames } from "../features/inventory/useConnectors";

/** An account by the name that its environment has for it, with its id to hover over; by its id where it has none. */
export function AccountName({ id }: { id: string }) {
  const name = useAccountNames().get(id);
  return <bdi title={id}>{name ?? id}</bdi>;
}
