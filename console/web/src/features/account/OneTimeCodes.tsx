import { Button, Field, Input } from "@fluentui/react-components";
import { ArrowDownload16Regular, CheckmarkCircle16Filled } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ApiError, api } from "../../api/client";
import { queryClient } from "../../api/queries";
import type { Session, Totp } from "../../api/peopleTypes";
import { CopyButton } from "../../components/CopyBlock";
import { DialogForm, OpenDialog } from "../../components/FormDialog";
import { PasswordInput } from "../../components/PasswordFields";
import { Problem } from "../../components/Problem";
import { SecretOnce } from "../../components/SecretOnce";
import { useSay } from "../../components/useSay";
import { saveText } from "../../lib/download";
import { plural } from "../../lib/format";
import { grouped, svgAddress } from "../../lib/people";

const refetchSession = () => queryClient.invalidateQueries({ queryKey: ["session"] });

/** One-time codes: set up with an authenticator app, confirmed by a code, then on. */
export function OneTimeCodes({ session }: { session: Session }) {
  const [codes, setCodes] = useState<readonly string[]>();
  const starting = useMutation({ mutationFn: () => api.post<Totp>("/session/totp") });
  const turnOn = async (list: readonly string[]) => {
    setCodes(list);
    starting.reset();
    await refetchSession();
  };
  return (
    <section className="card stack wide" aria-label="One-time codes">
      <h2>One-time codes</h2>
      {codes ? <RecoveryCodes codes={codes} onDone={() => setCodes(undefined)} />
        : session.totp ? <TurnedOn session={session} />
        : starting.data ? <Confirm totp={starting.data} onDone={(list) => void turnOn(list)} onCancel={() => starting.reset()} />
        : (
          <>
            <p>A second proof that it is you: an app on your phone shows a new code every 30 seconds, and signing in asks for it after the password.</p>
            <Problem text={starting.error?.message} />
            <div><Button disabled={starting.isPending} onClick={() => starting.mutate()}>{starting.isPending ? "Working…" : "Set up one-time codes"}</Button></div>
          </>
        )}
    </section>
  );
}

function Confirm({ totp, onDone, onCancel }: { totp: Totp; onDone: (codes: readonly string[]) => void; onCancel: () => void }) {
  const [code, setCode] = useState("");
  const [isEmpty, setIsEmpty] = useState(false);
  const confirming = useMutation({
    mutationFn: () => api.put<{ recoveryCodes: string[] }>("/session/totp", { code: code.replace(/\s/g, "") }),
    onSuccess: ({ recoveryCodes }) => onDone(recoveryCodes),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsEmpty(!code.trim());
    if (code.trim()) confirming.mutate();
  };
  const isWrong = confirming.error instanceof ApiError && confirming.error.code === "SignInFailed";
  return (
    <form className="stack wide" onSubmit={submit} noValidate>
      <p>Scan this with an authenticator app, or type the key into it. Then type the code that the app shows.</p>
      <div className="row" style={{ alignItems: "flex-start" }}>
        <img className="qr" src={svgAddress(totp.qr)} alt="QR code of the key below" width={176} height={176} />
        <div className="stack" style={{ flex: "1 1 220px", alignItems: "flex-start" }}>
          <span className="small muted">Key</span>
          <code className="breakable">{grouped(totp.secret)}</code>
          <CopyButton label="Copy the key" text={totp.secret} />
        </div>
      </div>
      <Field label="Code from the app" required validationMessage={isEmpty ? "Type the code." : undefined}>
        <Input value={code} autoComplete="one-time-code" inputMode="numeric" maxLength={16} onChange={(_, data) => setCode(data.value)} />
      </Field>
      <Problem text={isWrong ? "The code does not fit. Wait for the next one, and check that the clock of your phone is right." : confirming.error?.message} />
      <div className="row">
        <Button type="submit" appearance="primary" disabled={confirming.isPending}>{confirming.isPending ? "Working…" : "Turn on"}</Button>
        <Button disabled={confirming.isPending} onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}

function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const text = codes.join("\n");
  return (
    <>
      <p>One-time codes are on. If you lose your phone, each of these recovery codes lets you in once.</p>
      <SecretOnce title="Recovery codes" text={text}>
        <div className="row">
          <Button icon={<ArrowDownload16Regular />} onClick={() => saveText("skywarden-recovery-codes.txt", `${text}\n`)}>Download</Button>
          <Button appearance="primary" onClick={onDone}>I have kept them</Button>
        </div>
      </SecretOnce>
    </>
  );
}

function TurnedOn({ session }: { session: Session }) {
  const isFew = session.recoveryCodesLeft < 3;
  return (
    <>
      <p className="badge tone-Healthy"><CheckmarkCircle16Filled aria-hidden />On</p>
      <p className={isFew ? "tone-Unknown" : undefined}>
        {session.recoveryCodesLeft === 0 ? "No recovery code is left" : `${plural(session.recoveryCodesLeft, "recovery code")} left`}
        {isFew && ": remove the one-time codes and set them up again for new ones"}.
      </p>
      <div><OpenDialog trigger={<Button>Remove one-time codes</Button>}>{(close) => <Remove onDone={close} />}</OpenDialog></div>
    </>
  );
}

function Remove({ onDone }: { onDone: () => void }) {
  const say = useSay();
  const [password, setPassword] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const remove = async () => {
    try {
      await api.post<void>("/session/totp/remove", { password });
    } catch (error) {
      throw error instanceof ApiError && error.code === "SignInFailed" ? new Error("The password is wrong.") : error;
    }
    onDone();
    say("One-time codes removed");
    await refetchSession();
  };
  const isReady = () => {
    setIsChecked(true);
    return password !== "";
  };
  return (
    <DialogForm title="Remove one-time codes?" action="Remove" isReady={isReady} onSubmit={remove}>
      <p>Your password alone then lets one in. The recovery codes are void.</p>
      <Field label="Your password" required validationMessage={isChecked && !password ? "Type your password." : undefined}>
        <PasswordInput value={password} autoComplete="current-password" onChange={setPassword} />
      </Field>
    </DialogForm>
  );
}
