import { useQuery } from "@tanstack/react-query";
import { arm } from "../../api/client";

const VERSION = "2022-12-01";

export interface NamedSubscription {
  /** Bare, as it stands in paths behind `/subscriptions/`. */
  id: string;
  title: string;
}

interface ArmSubscription {
  subscriptionId: string;
  displayName?: string | null;
}

/** The subscriptions that the session sees, by name. */
export const useSubscriptions = () =>
  useQuery({
    queryKey: ["subscriptions"],
    queryFn: async ({ signal }): Promise<NamedSubscription[]> => {
      const { value } = await arm.get<{ value: ArmSubscription[] }>("/subscriptions", VERSION, signal);
      const named = value.map(({ subscriptionId, displayName }) => ({ id: subscriptionId, title: displayName || subscriptionId }));
      return named.sort((a, b) => a.title.localeCompare(b.title));
    },
    staleTime: 60_000,
  });
