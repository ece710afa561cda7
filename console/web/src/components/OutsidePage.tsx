import { ShieldCheckmark32Filled } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { useTitle } from "../lib/useTitle";

/** A page that is used without a session: one card in the middle, without the console's menu. */
export function OutsidePage({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  useTitle(title);
  return (
    <main className="outside">
      <div className="outside-brand"><ShieldCheckmark32Filled aria-hidden />Skywarden</div>
      <div className="card outside-card">
        <div className="stack" style={{ gap: 2 }}>
          <h1>{title}</h1>
          {lead && <div className="muted">{lead}</div>}
        </div>
        {children}
      </div>
    </main>
  );
}
