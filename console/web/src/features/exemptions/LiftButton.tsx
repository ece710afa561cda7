import { Button } from "@fluentui/react-components";
import { Delete16Regular } from "@fluentui/react-icons";
import { api } from "../../api/client";
import { queryClient, refetchEverything } from "../../api/queries";
import type { Exemption, Overview } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useSay } from "../../components/useSay";
import { plural } from "../../lib/format";
import { scoreChange } from "../../lib/score";

/** Removes exemptions together, after asking. */
export function LiftButton({ exemptions, onDone }: { exemptions: readonly Exemption[]; onDone?: () => void }) {
  const say = useSay();
  const isSingle = exemptions.length === 1;
  const remove = async () => {
    const before = await queryClient.fetchQuery({ queryKey: ["overview"], queryFn: () => api.get<Overview>("/overview") });
    await api.post<{ lifted: number }>("/exemptions/lift", { ids: exemptions.map((one) => one.id) });
    const after = await refetchEverything();
    say(isSingle ? "Exemption removed" : `${plural(exemptions.length, "exemption")} removed`, scoreChange(before.secureScore, after.secureScore));
    onDone?.();
  };
  return (
    <ConfirmDialog
      title={isSingle ? "Remove the exemption?" : `Remove ${plural(exemptions.length, "exemption")}?`} action="Remove" onConfirm={remove}
      trigger={<Button size="small" className="nowrap" icon={<Delete16Regular />}>{isSingle ? "Remove" : `Remove ${exemptions.length}`}</Button>}
    >
      <p>What was exempt is assessed again, and counts in the secure score.</p>
    </ConfirmDialog>
  );
}
