import { Link } from "react-router";
import type { ConnectorRow } from "../../api/connectorTypes";
import { CopyBlock } from "../../components/CopyBlock";
import { EmptyNote } from "../../components/PageStates";
import { adoptCommand } from "../../lib/defender";

/** How to ask, where nobody has yet. */
export function NeverAsked({ row }: { row: ConnectorRow }) {
  if (row.environment !== "Azure") {
    return <div className="card"><EmptyNote title="Only connectors of Azure can be compared"><p><Link to="/connectors">Go to the connectors</Link></p></EmptyNote></div>;
  }
  return (
    <section className="card stack wide" aria-label="How to ask Defender">
      <EmptyNote title="Nobody has asked Defender yet">
        <p>Once it was asked, its verdicts, secure scores and exemptions stand here beside ours.</p>
      </EmptyNote>
      <CopyBlock title="Ask Defender" text={adoptCommand(row.id)} isWrapped />
      <p className="muted">
        Run it where the server runs, with the same <code>--data</code> and master key. It asks with the connector&apos;s login and writes nothing in Azure.{" "}
        <code>skywarden permissions azure</code> lists the rights that it needs; what may not be read is named here, and not compared.
      </p>
    </section>
  );
}
