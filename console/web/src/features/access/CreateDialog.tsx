import { Button, Field, Input } from "@fluentui/react-components";
import { Add20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { Link } from "react-router";
import { api } from "../../api/client";
import { refetchPeople } from "../../api/peopleQueries";
import type { Invitation, Principal, PrincipalKind } from "../../api/peopleTypes";
import { DialogForm, DialogNote, OpenDialog } from "../../components/FormDialog";
import { KIND_WORDS, principalPath, principalTitle } from "../../lib/people";
import { InvitationNote } from "./InvitationNote";

const NAME_HINTS: Record<PrincipalKind, string> = {
  User: "What they sign in with.",
  Group: "As the identity provider's claims call it.",
  ServicePrincipal: "What the program is called in lists and in the audit log.",
};

interface Made {
  principal: Principal;
  invitation?: Invitation | null;
}

/** Makes a user, a group or a program; roles are given on its page. */
export function CreateDialog({ kind }: { kind: PrincipalKind }) {
  return (
    <OpenDialog trigger={<Button appearance="primary" icon={<Add20Regular />}>New {KIND_WORDS[kind].one}</Button>}>
      {(close) => <Content kind={kind} onClose={close} />}
    </OpenDialog>
  );
}

function Content({ kind, onClose }: { kind: PrincipalKind; onClose: () => void }) {
  const [name, setName] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const [made, setMade] = useState<Made>();
  const { one } = KIND_WORDS[kind];
  const isReady = () => {
    setIsChecked(true);
    return name.trim() !== "";
  };
  const make = async () => {
    setMade(await api.post<Made>("/principals", { kind, name: name.trim(), displayName: displayName.trim() || name.trim() }));
    await refetchPeople();
  };
  if (made) {
    return (
      <DialogNote title={`The ${one} “${principalTitle(made.principal)}” is made`} onClose={onClose}>
        {made.invitation && <InvitationNote invitation={made.invitation} />}
        <p><Link to={principalPath(made.principal.id)}>{kind === "ServicePrincipal" ? "Give it roles and a credential" : kind === "User" ? "Give them roles" : "Give it roles"}</Link>: without one {kind === "User" ? "they see" : "it sees"} nothing.</p>
      </DialogNote>
    );
  }
  return (
    <DialogForm title={`New ${one}`} action="Make it" isReady={isReady} onSubmit={make}>
      <Field label="Name" required hint={NAME_HINTS[kind]} validationMessage={isChecked && !name.trim() ? "Give it a name." : undefined}>
        <Input value={name} autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={256} onChange={(_, data) => setName(data.value)} />
      </Field>
      <Field label="Display name" hint="As others see it; the name where it is empty."><Input value={displayName} autoComplete="off" maxLength={256} onChange={(_, data) => setDisplayName(data.value)} /></Field>
      {kind === "User" && <p className="small muted">You get an address to pass on: with it they set their password.</p>}
      {kind === "Group" && <p className="small muted">Members are not kept here: who signs in through the identity provider brings their groups along.</p>}
    </DialogForm>
  );
}
