import type { Invitation } from "../../api/peopleTypes";
import { SecretOnce } from "../../components/SecretOnce";
import { formatTime } from "../../lib/format";

/** The address that lets somebody set a password, to be passed on to them. */
export function InvitationNote({ invitation }: { invitation: Invitation }) {
  return (
    <SecretOnce title="Invitation" advice="Copy it now and pass it on." text={new URL(invitation.path, window.location.origin).href}>
      <p className="small muted">Use a way that only they read: whoever opens it first sets the password. It holds until {formatTime(invitation.expiresAt)}.</p>
    </SecretOnce>
  );
}
