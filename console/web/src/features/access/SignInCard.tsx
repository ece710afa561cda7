import { Button } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { useState } from "react";
import { api } from "../../api/client";
import { principalRoute, refetchPeople, useMay, useMayEverywhere } from "../../api/peopleQueries";
import type { Invitation, Principal } from "../../api/peopleTypes";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DialogForm, DialogNote, OpenDialog } from "../../components/FormDialog";
import { useSay } from "../../components/useSay";
import { formatTime } from "../../lib/format";
import { ASSIGNMENTS_WRITE, PRINCIPALS_WRITE } from "../../lib/actions";
import { isLocked, principalTitle } from "../../lib/people";
import { InvitationNote } from "./InvitationNote";

/** How a user signs in, and what helps one who cannot. */
export function SignInCard({ principal }: { principal: Principal }) {
  const may = useMay();
  const say = useSay();
  const canWrite = may(PRINCIPALS_WRITE);
  // What lets somebody log in as the user takes the right to give roles too.
  const canLetIn = useMayEverywhere()(ASSIGNMENTS_WRITE) && canWrite;
  const route = principalRoute(principal.id);
  const isLocal = !principal.provider;
  const done = async (text: string) => {
    say(text, principalTitle(principal));
    await refetchPeople();
  };
  return (
    <section className="card stack wide" aria-label="Sign-in">
      <h2>Sign-in</h2>
      {isLocked(principal) && (
        <Line text={<>Locked until {formatTime(principal.lockedUntil ?? "")}, after too many wrong passwords.</>}>
          {canWrite && (
            <ConfirmDialog title="Unlock now?" action="Unlock" trigger={<Button size="small">Unlock</Button>} onConfirm={async () => { await api.post<void>(`${route}/unlock`); await done("Unlocked"); }}>
              <p>Attempts are taken again at once. Ask first whether they were the ones who mistyped.</p>
            </ConfirmDialog>
          )}
        </Line>
      )}
      {isLocal ? (
        <>
          <Line text="Password">
            {canLetIn && <OpenDialog trigger={<Button size="small">New invitation</Button>}>{(close) => <Invite principal={principal} onClose={close} />}</OpenDialog>}
          </Line>
          <Line text={principal.totp ? "One-time codes are on" : "One-time codes are off; only the users themselves turn them on"}>
            {canLetIn && principal.totp && (
              <ConfirmDialog title="Remove the one-time codes?" action="Remove" trigger={<Button size="small">Remove the codes</Button>} onConfirm={async () => { await api.remove(`${route}/totp`); await done("One-time codes removed"); }}>
                <p>The password alone then lets them in. For somebody who lost both the phone and the recovery codes.</p>
              </ConfirmDialog>
            )}
          </Line>
        </>
      ) : <p>Signs in through <strong><bdi>{principal.provider}</bdi></strong>, which keeps the password and the second factor.</p>}
      <Line text="Sessions in browsers">
        {canWrite && (
          <ConfirmDialog title="End all of their sessions?" action="End them" trigger={<Button size="small">End all sessions</Button>} onConfirm={async () => { await api.remove(`${route}/sessions`); await done("Sessions ended"); }}>
            <p>They have to sign in again. Tokens go on working.</p>
          </ConfirmDialog>
        )}
      </Line>
    </section>
  );
}

const Line = ({ text, children }: { text: ReactNode; children: ReactNode }) => <div className="row spread"><span>{text}</span>{children}</div>;

function Invite({ principal, onClose }: { principal: Principal; onClose: () => void }) {
  const [invitation, setInvitation] = useState<Invitation>();
  const invite = async () => {
    setInvitation(await api.post<Invitation>(`${principalRoute(principal.id)}/invitation`));
    await refetchPeople();
  };
  if (invitation) return <DialogNote title={`Invitation for ${principalTitle(principal)}`} onClose={onClose}><InvitationNote invitation={invitation} /></DialogNote>;
  return (
    <DialogForm title={`New invitation for ${principalTitle(principal)}?`} action="Make it" isReady={() => true} onSubmit={invite}>
      <p>You get an address with which they set a new password. Once it is used, the old password is void and their sessions end.</p>
    </DialogForm>
  );
}
