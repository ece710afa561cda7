import { Button, Field, Input } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { api } from "../../api/client";
import { startSession, useSession } from "../../api/peopleQueries";
import type { Session } from "../../api/peopleTypes";
import { OutsidePage } from "../../components/OutsidePage";
import { Loaded } from "../../components/PageStates";
import { PasswordFields } from "../../components/PasswordFields";
import { Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { isGoodPassword } from "../../lib/password";
import { putOffSetUp } from "../../lib/setUp";

/** The first run: whoever opened the address of `up` makes an account of their own. */
export default function SetUpPage() {
  const query = useSession();
  return (
    <OutsidePage title="Make the first account" lead="So that you can sign in with a name and a password.">
      <Loaded query={query} rows={4}>
        {(session) => session.firstRun ? <SetUpForm /> : (
          <p>The first account was made already. <Link to="/">Go to the overview</Link>, or make more accounts under <Link to="/access">Access</Link>.</p>
        )}
      </Loaded>
    </OutsidePage>
  );
}

function SetUpForm() {
  const navigate = useNavigate();
  const say = useSay();
  const [name, setName] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const making = useMutation({
    mutationFn: () => api.post<Session>("/set-up", { name: name.trim(), displayName: displayName.trim() || name.trim(), password }),
    onSuccess: async (session) => {
      startSession(session);
      say("The first account is made", `You are signed in as ${session.displayName || session.name}.`);
      await navigate("/", { replace: true });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (name.trim() && isGoodPassword(password, name, again)) making.mutate();
  };
  const later = () => {
    putOffSetUp();
    void navigate("/", { replace: true });
  };
  return (
    <form className="stack wide" onSubmit={submit} noValidate aria-label="The first account">
      <p>It will be <strong>Owner of everything</strong>: it may do all there is to do, and give others their accounts and roles. The address that <code>skywarden up</code> prints goes on working.</p>
      <Field label="Name" required hint="What you sign in with." validationMessage={isChecked && !name.trim() ? "Give it a name." : undefined}>
        <Input name="username" value={name} autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={256} onChange={(_, data) => setName(data.value)} />
      </Field>
      <Field label="Your name" hint="As others see it."><Input value={displayName} autoComplete="name" maxLength={256} onChange={(_, data) => setDisplayName(data.value)} /></Field>
      <PasswordFields
        label="Password" name={name} password={password} again={again} isChecked={isChecked}
        onChange={(one, two) => {
          setPassword(one);
          setAgain(two);
        }}
      />
      <Problem text={making.error?.message} />
      <Button type="submit" appearance="primary" size="large" disabled={making.isPending}>{making.isPending ? "Working…" : "Make the account"}</Button>
      <Button appearance="transparent" disabled={making.isPending} onClick={later}>Later</Button>
    </form>
  );
}
