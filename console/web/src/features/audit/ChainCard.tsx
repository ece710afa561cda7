import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { CheckmarkCircle16Filled } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { verifyAudit } from "../../api/peopleQueries";
import type { Verification } from "../../api/peopleTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { Problem } from "../../components/Problem";
import { formatCount, plural } from "../../lib/format";

/** Recomputes the chain of hashes when asked, and tells how far it holds. */
export function ChainCard() {
  const verifying = useMutation({ mutationFn: verifyAudit });
  return (
    <section className="card stack wide" aria-label="The chain">
      <div className="row spread">
        <div className="stack" style={{ gap: 2, flex: "1 1 320px" }}>
          <h2>The chain</h2>
          <p className="muted">Each line holds the hash of the one before, so that a line that was changed or left out shows.</p>
        </div>
        <Button disabled={verifying.isPending} onClick={() => verifying.mutate()}>{verifying.isPending ? "Verifying…" : "Verify the chain"}</Button>
      </div>
      <Problem text={verifying.error?.message} />
      <div role="status" className="problem">{verifying.data && <Result found={verifying.data} />}</div>
    </section>
  );
}

function Result({ found }: { found: Verification }) {
  if (!found.intact) {
    return (
      <MessageBar intent="error" layout="multiline">
        <MessageBarBody>
          The chain is broken{typeof found.firstBroken === "number" && ` at line ${formatCount(found.firstBroken)}`}: a line was changed or removed behind the server&apos;s back. Keep a copy of the database, and compare with an earlier export.
        </MessageBarBody>
      </MessageBar>
    );
  }
  return (
    <div className="stack">
      <p className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />{found.lines === 0 ? "No line is there yet" : `Intact: all ${plural(found.lines, "line")}`}</p>
      {found.newestHash && (
        <>
          <CopyBlock title="Newest hash" text={found.newestHash} isWrapped />
          <p className="small muted">Keep it elsewhere: it shows later that nothing was cut off at the end.</p>
        </>
      )}
    </div>
  );
}
