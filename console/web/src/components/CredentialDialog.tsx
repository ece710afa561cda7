import { Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { useState, type ReactElement } from "react";
import { api } from "../api/client";
import { refetchPeople } from "../api/peopleQueries";
import type { MadeCredential } from "../api/peopleTypes";
import { formatTime } from "../lib/format";
import { DialogForm, DialogNote, OpenDialog } from "./FormDialog";
import { SecretOnce } from "./SecretOnce";
import { ScopePicker } from "./ScopePicker";

interface Props {
  /** The route that makes one. */
  path: string;
  trigger: ReactElement;
  /** For a program: it has secrets too, to log in as Azure's clients do. */
  isProgram?: boolean;
}

/** Makes a token or a secret and shows it, once. */
export function CredentialDialog({ path, trigger, isProgram = false }: Props) {
  return <OpenDialog trigger={trigger}>{(close) => <Content path={path} isProgram={isProgram} onClose={close} />}</OpenDialog>;
}

const EVERYWHERE = "/";
const DAYS_MOST = 366;

function Content({ path, isProgram, onClose }: { path: string; isProgram: boolean; onClose: () => void }) {
  const [kind, setKind] = useState<"Token" | "Secret">(isProgram ? "Secret" : "Token");
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [rights, setRights] = useState<"read" | "all">("read");
  const [scope, setScope] = useState(EVERYWHERE);
  const [isChecked, setIsChecked] = useState(false);
  const [made, setMade] = useState<MadeCredential>();
  const n = Number(days);
  const isDays = Number.isInteger(n) && n >= 1 && n <= DAYS_MOST;
  const isReady = () => {
    setIsChecked(true);
    return name.trim() !== "" && isDays;
  };
  const make = async () => {
    const limits = kind === "Token" ? { actions: rights === "read" ? ["*/read"] : null, scope: scope === EVERYWHERE ? null : scope } : {};
    setMade(await api.post<MadeCredential>(path, { ...(isProgram ? { kind } : {}), name: name.trim(), expiresInDays: n, ...limits }));
    await refetchPeople();
  };
  if (made) {
    return (
      <DialogNote title={`The ${made.credential.kind.toLowerCase()} “${made.credential.name}”`} onClose={onClose}>
        <SecretOnce title={made.credential.kind} text={made.secret}>
          <p className="small muted">
            {made.credential.kind === "Token" ? <>Send it as <code>Authorization: Bearer …</code>.</> : "Azure's clients log in with it, the program's client id and the tenant."}
            {made.credential.expiresAt && ` It expires ${formatTime(made.credential.expiresAt)}.`}
          </p>
        </SecretOnce>
      </DialogNote>
    );
  }
  return (
    <DialogForm title={isProgram ? "New credential" : "New token"} action="Make it" isReady={isReady} onSubmit={make}>
      {isProgram && (
        <Field label="Kind">
          <RadioGroup value={kind} onChange={(_, data) => setKind(data.value as "Token" | "Secret")}>
            <Radio value="Secret" label={<><strong>Secret</strong>: to log in as Azure&apos;s clients and SDKs do</>} />
            <Radio value="Token" label={<><strong>Token</strong>: sent with each request, for scripts</>} />
          </RadioGroup>
        </Field>
      )}
      <div className="two-fields">
        <Field label="Name" required hint="What it is for." validationMessage={isChecked && !name.trim() ? "Give it a name." : undefined}>
          <Input value={name} maxLength={200} onChange={(_, data) => setName(data.value)} />
        </Field>
        <Field label="Days" required hint="Until it expires." validationMessage={isChecked && !isDays ? `A whole number from 1 to ${DAYS_MOST}.` : undefined}>
          <Input type="number" min={1} max={DAYS_MOST} value={days} onChange={(_, data) => setDays(data.value)} />
        </Field>
      </div>
      {kind === "Token" && (
        <>
          <Field label="Rights">
            <RadioGroup value={rights} onChange={(_, data) => setRights(data.value as "read" | "all")}>
              <Radio value="read" label="Read only" />
              <Radio value="all" label={isProgram ? "All rights of the program" : "All of my rights"} />
            </RadioGroup>
          </Field>
          <ScopePicker value={scope} onChange={setScope} />
        </>
      )}
    </DialogForm>
  );
}
