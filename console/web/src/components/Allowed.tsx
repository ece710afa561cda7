import type { ReactNode } from "react";
import { useMay, useSession } from "../api/peopleQueries";
import { Loaded } from "./PageStates";
import { LacksPage } from "./Problem";

interface Props {
  action: string;
  /** What the action lets one do: `see alerts`. */
  what: string;
  children: ReactNode;
}

/** What may be seen with an action only: nothing of it is asked for before the action is known to be allowed. */
export function Allowed({ action, what, children }: Props) {
  const may = useMay();
  const session = useSession();
  return <Loaded query={session} rows={8}>{() => (may(action) ? children : <LacksPage action={action} what={what} />)}</Loaded>;
}
