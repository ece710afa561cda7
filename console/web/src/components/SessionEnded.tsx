import { LockClosed32Regular } from "@fluentui/react-icons";
import { useTitle } from "../lib/useTitle";

export function SessionEnded() {
  useTitle("Session ended");
  return (
    <main className="state-note" style={{ minHeight: "80vh", justifyContent: "center" }}>
      <LockClosed32Regular aria-hidden />
      <h1 style={{ fontSize: 20 }}>Your session has ended.</h1>
      <p>Open the address that <code>skywarden up</code> printed.</p>
      <p className="small muted">An address works once. Start <code>skywarden up</code> again for a new one.</p>
    </main>
  );
}
