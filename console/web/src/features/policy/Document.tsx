import { CopyButton } from "../../components/CopyBlock";
import { JsonTree } from "../../components/JsonTree";

/** A document to read and to copy. */
export function Document({ document }: { document: unknown }) {
  return (
    <div className="stack">
      <div><CopyButton label="Copy JSON" text={JSON.stringify(document, null, 2)} /></div>
      <JsonTree value={document} openDepth={4} />
    </div>
  );
}
