import { Button } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { ApiError, api } from "../../api/client";
import { OutsidePage } from "../../components/OutsidePage";
import { PasswordFields } from "../../components/PasswordFields";
import { Problem } from "../../components/Problem";
import { isGoodPassword } from "../../lib/password";

/** Where an invitation leads: its code lets one set a password once. */
export default function SetPasswordPage() {
  const [parameters] = useSearchParams();
  const code = parameters.get("code") ?? "";
  return (
    <OutsidePage title="Set your password" lead="You were invited to Skywarden.">
      {code ? <SetPasswordForm code={code} /> : <p>The address has no invitation code. Copy the whole address that you were given, or ask for a new invitation.</p>}
    </OutsidePage>
  );
}

function SetPasswordForm({ code }: { code: string }) {
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const setting = useMutation({ mutationFn: () => api.post<{ name: string }>("/password", { code, password }) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (isGoodPassword(password, undefined, again)) setting.mutate();
  };
  if (setting.data) {
    const { name } = setting.data;
    return (
      <div className="stack wide" role="status">
        <p>The password of <strong><bdi>{name}</bdi></strong> is set. The invitation is used up.</p>
        <Button appearance="primary" size="large" onClick={() => void navigate("/sign-in", { state: { name } })}>Sign in</Button>
      </div>
    );
  }
  const isSpent = setting.error instanceof ApiError && setting.error.code === "InvitationSpent";
  return (
    <form className="stack wide" onSubmit={submit} noValidate aria-label="Set your password">
      <PasswordFields
        name={undefined} password={password} again={again} isChecked={isChecked}
        onChange={(one, two) => {
          setPassword(one);
          setAgain(two);
        }}
      />
      <Problem text={isSpent ? "This invitation was used already or has expired. Ask whoever invited you for a new one." : setting.error?.message} />
      {isSpent && <p className="small">Have you set a password before? <Link to="/sign-in">Sign in</Link></p>}
      <Button type="submit" appearance="primary" size="large" disabled={setting.isPending}>{setting.isPending ? "Working…" : "Set the password"}</Button>
    </form>
  );
}
