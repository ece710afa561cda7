import { useMay } from "../../api/peopleQueries";
import { usePlans } from "../../api/planQueries";
import { PLANS_READ } from "../../lib/actions";

/** What plans are called; whoever may not read them sees their names for machines. */
export function usePlanTitle(): (name: string) => string {
  const { data } = usePlans({ enabled: useMay()(PLANS_READ) });
  return (name) => data?.plans.find((plan) => plan.name === name)?.title ?? name;
}
