import type { Remediation } from "../../api/types";
import { CopyBlock } from "../../components/CopyBlock";

/** Only addresses of the web become links. */
const isWeb = (address: string): boolean => /^https?:\/\//i.test(address);

export function RemediationCard({ remediation }: { remediation: Remediation }) {
  const snippet = remediation.terraform ?? remediation.iac;
  const links = remediation.links ?? [];
  return (
    <div className="stack">
      <h2>How to mend it</h2>
      {remediation.steps
        ? <p className="pre-wrap"><bdi>{remediation.steps}</bdi></p>
        : <p className="muted">No steps are given. They can be added as <code>remediationDescription</code> to its metadata.</p>}
      {remediation.cli && <CopyBlock title="Command line" text={remediation.cli} isWrapped />}
      {snippet && <CopyBlock title={remediation.terraform ? "Terraform" : "Infrastructure as code"} text={snippet.trimEnd()} />}
      {links.length > 0 && (
        <ul className="plain stack" aria-label="Further reading">
          {links.map((link) => (
            <li key={link}>{isWeb(link) ? <a href={link} target="_blank" rel="noreferrer noopener">{link}</a> : link}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
