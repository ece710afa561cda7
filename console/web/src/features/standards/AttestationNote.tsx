import type { Attestation } from "../../api/standardTypes";
import { dayOf, isSafeLink, scopeWords } from "../../lib/attestations";
import { formatDate, words } from "../../lib/format";

/** Who found what, when, and what it rests on. */
export function AttestationNote({ attestation }: { attestation: Attestation }) {
  const { state, assessedOn, createdBy, scope, expiresAt } = attestation;
  return (
    <div className="attestation stack" style={{ gap: 2 }}>
      <p>
        <strong>Attested {words(state).toLowerCase()}</strong> on {formatDate(dayOf(assessedOn))} by <bdi>{createdBy}</bdi>
        <span className="muted">, {scopeWords(scope)}{expiresAt && `, until ${formatDate(expiresAt)}`}</span>
      </p>
      <Evidence evidence={attestation.evidence} />
    </div>
  );
}

export function Evidence({ evidence: { text, links } }: { evidence: Attestation["evidence"] }) {
  return (
    <>
      {text && <p className="pre-wrap breakable"><bdi>{text}</bdi></p>}
      {(links ?? []).map((link) => (
        <p key={link} className="breakable">
          {isSafeLink(link) ? <a href={link} target="_blank" rel="noopener noreferrer">{link}</a> : <code>{link}</code>}
        </p>
      ))}
    </>
  );
}
