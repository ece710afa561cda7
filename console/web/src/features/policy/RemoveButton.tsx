import type { ReactElement, ReactNode } from "react";
import { api } from "../../api/client";
import { queryClient } from "../../api/queries";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useSay } from "../../components/useSay";

/** Takes an object of the store away, after asking. */
export function RemoveButton({ id, name, trigger, children, onDone }: { id: string; name: string; trigger: ReactElement; children: ReactNode; onDone: () => void }) {
  const say = useSay();
  const remove = async () => {
    await api.remove("/policy/object", { id });
    onDone();
    say("Deleted", name);
    queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] === "policy" && queryKey.includes(id) });
    await queryClient.invalidateQueries();
  };
  return (
    <ConfirmDialog title={`Delete “${name}”?`} action="Delete" onConfirm={remove} trigger={trigger}>{children}</ConfirmDialog>
  );
}
