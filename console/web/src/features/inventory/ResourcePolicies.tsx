import { useState } from "react";
import { useStates } from "../../api/policyQueries";
import { ErrorNote } from "../../components/PageStates";
import { Pager } from "../../components/Pager";
import { Legend } from "../../components/StackedBar";
import { cursorOf, START, type Trail } from "../../lib/paging";
import { sharesOfStates } from "../../lib/policy";
import type { PolicyCounts } from "../../api/policyTypes";
import { StateTable } from "../policy/StateTable";

const LIMIT = 50;

/** The states of one resource under each policy that concerns it; nothing where no policy does. */
export function ResourcePolicies({ resource }: { resource: string }) {
  const [trail, setTrail] = useState<Trail>(START);
  const query = useStates({ resource, cursor: cursorOf(trail), limit: LIMIT });
  if (query.error) return <ErrorNote error={query.error} onRetry={() => void query.refetch()} />;
  const page = query.data;
  if (!page || page.total === 0) return null;
  const counts: PolicyCounts = {};
  page.items.forEach(({ state }) => (counts[state] = (counts[state] ?? 0) + 1));
  const isAll = page.items.length === page.total;
  return (
    <section className="card flush" aria-label="Policies">
      <div className="card-head">
        <h2>Policies</h2>
        {isAll && <Legend shares={sharesOfStates(counts).filter((share) => share.count > 0)} />}
      </div>
      <div aria-busy={query.isPlaceholderData} style={{ opacity: query.isPlaceholderData ? 0.6 : 1 }}>
        <StateTable rows={page.items} isOfResource />
        <Pager trail={trail} limit={LIMIT} count={page.items.length} total={page.total} next={page.next} noun="state" isBusy={query.isPlaceholderData} onMove={setTrail} />
      </div>
    </section>
  );
}
