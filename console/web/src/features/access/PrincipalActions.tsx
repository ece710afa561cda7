import { Button, Field, Input } from "@fluentui/react-components";
import { CheckmarkCircle20Regular, Delete20Regular, Edit20Regular, Prohibited20Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api } from "../../api/client";
import { queryClient } from "../../api/queries";
import { principalRoute, refetchPeople, useMay } from "../../api/peopleQueries";
import type { Principal } from "../../api/peopleTypes";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { DialogForm, OpenDialog } from "../../components/FormDialog";
import { useSay } from "../../components/useSay";
import { PRINCIPALS_DELETE, PRINCIPALS_WRITE } from "../../lib/actions";
import { KIND_WORDS, principalTitle } from "../../lib/people";

/** Rename, disable or enable, delete: what is not allowed is not there. */
export function PrincipalActions({ principal, isSelf }: { principal: Principal; isSelf: boolean }) {
  const may = useMay();
  return (
    <>
      {may(PRINCIPALS_WRITE) && <Rename principal={principal} />}
      {may(PRINCIPALS_WRITE) && <Switch principal={principal} isSelf={isSelf} />}
      {may(PRINCIPALS_DELETE) && <Delete principal={principal} isSelf={isSelf} />}
    </>
  );
}

function Rename({ principal }: { principal: Principal }) {
  return <OpenDialog trigger={<Button icon={<Edit20Regular />}>Rename</Button>}>{(close) => <RenameForm principal={principal} onDone={close} />}</OpenDialog>;
}

function RenameForm({ principal, onDone }: { principal: Principal; onDone: () => void }) {
  const say = useSay();
  const [displayName, setDisplayName] = useState(principal.displayName);
  const [isChecked, setIsChecked] = useState(false);
  const isReady = () => {
    setIsChecked(true);
    return displayName.trim() !== "";
  };
  const rename = async () => {
    await api.patch<Principal>(principalRoute(principal.id), { displayName: displayName.trim() });
    onDone();
    say("Renamed", displayName.trim());
    await refetchPeople();
  };
  return (
    <DialogForm title={`Rename ${principalTitle(principal)}`} action="Rename" isReady={isReady} onSubmit={rename}>
      <Field label="Display name" required hint="The name to sign in with stays." validationMessage={isChecked && !displayName.trim() ? "Give it a name." : undefined}>
        <Input value={displayName} autoComplete="off" maxLength={256} onChange={(_, data) => setDisplayName(data.value)} />
      </Field>
    </DialogForm>
  );
}

const OWN = "Another account has to do that: this one is yours";

function Switch({ principal, isSelf }: { principal: Principal; isSelf: boolean }) {
  const say = useSay();
  const isEnabled = principal.state === "Enabled";
  const change = async () => {
    await api.patch<Principal>(principalRoute(principal.id), { state: isEnabled ? "Disabled" : "Enabled" });
    say(isEnabled ? "Disabled" : "Enabled", principalTitle(principal));
    await refetchPeople();
  };
  if (isEnabled && isSelf) return <Button icon={<Prohibited20Regular />} disabledFocusable title={OWN}>Disable</Button>;
  return (
    <ConfirmDialog
      title={isEnabled ? `Disable “${principalTitle(principal)}”?` : `Enable “${principalTitle(principal)}”?`} action={isEnabled ? "Disable" : "Enable"} onConfirm={change}
      trigger={<Button icon={isEnabled ? <Prohibited20Regular /> : <CheckmarkCircle20Regular />}>{isEnabled ? "Disable" : "Enable"}</Button>}
    >
      <p>{isEnabled ? DISABLED[principal.kind] : "It works again as before, with the roles that it has."}</p>
    </ConfirmDialog>
  );
}

const DISABLED: Record<Principal["kind"], string> = {
  User: "They are signed out everywhere and cannot sign in, and their tokens are refused. Roles stay, for when it is enabled again.",
  Group: "Its members no longer hold its roles. The roles stay, for when it is enabled again.",
  ServicePrincipal: "Its credentials are refused. Roles stay, for when it is enabled again.",
};

function Delete({ principal, isSelf }: { principal: Principal; isSelf: boolean }) {
  const say = useSay();
  const navigate = useNavigate();
  const { one, tab } = KIND_WORDS[principal.kind];
  const remove = async () => {
    await api.remove(principalRoute(principal.id));
    await navigate(`/access?tab=${tab}`);
    say("Deleted", principalTitle(principal));
    queryClient.removeQueries({ queryKey: ["principals", principal.id] });
    await refetchPeople();
  };
  if (isSelf) return <Button icon={<Delete20Regular />} disabledFocusable title={OWN}>Delete</Button>;
  return (
    <ConfirmDialog title={`Delete the ${one} “${principalTitle(principal)}”?`} action="Delete" onConfirm={remove} trigger={<Button icon={<Delete20Regular />}>Delete</Button>}>
      <p>Its roles{principal.kind === "Group" ? "" : ", credentials and sessions"} go with it. This cannot be undone; what it did stays in the audit log.</p>
    </ConfirmDialog>
  );
}
