import { Button, Field, Input } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";
import { ApiError, api } from "../../api/client";
import { startSession, useSignInOptions } from "../../api/peopleQueries";
import type { Session, SignInOptions } from "../../api/peopleTypes";
import { OutsidePage } from "../../components/OutsidePage";
import { Loaded } from "../../components/PageStates";
import { PasswordInput } from "../../components/PasswordFields";
import { Problem } from "../../components/Problem";
import { shorten } from "../../lib/format";
import { keepReturn, returnPath, takeReturn } from "../../lib/returnPath";
import { afterRefusal, secondsLeft, START, waitText } from "../../lib/signIn";

export default function SignInPage() {
  const query = useSignInOptions();
  const [parameters] = useSearchParams();
  const back = returnPath(parameters.get("return"));
  // Anybody can write an address: the text is shown as text, and as what the provider said.
  const refusal = parameters.get("error");
  return (
    <OutsidePage title="Sign in" lead={query.data?.installation && <>to <bdi>{query.data.installation}</bdi></>}>
      {refusal && <Problem text={`Signing in elsewhere failed: ${shorten(refusal, 300)}`} />}
      <Loaded query={query} rows={4}>
        {(options) => (
          <>
            {options.firstRun && <FirstRun />}
            {options.local && <SignInForm back={back} />}
            {options.local && options.providers.length > 0 && <p className="or muted small"><span>or</span></p>}
            <Providers providers={options.providers} back={back} />
            {!options.local && !options.firstRun && options.providers.length === 0 && <Nobody />}
          </>
        )}
      </Loaded>
    </OutsidePage>
  );
}

function FirstRun() {
  return (
    <div className="stack">
      <p>Nobody has an account yet. Open the address that <code>skywarden up</code> printed: it signs you in, and the first account is made there.</p>
      <p className="small muted">An address works once. Start <code>skywarden up</code> again for a new one.</p>
    </div>
  );
}

const Nobody = () => <p>There is no account with a password and no identity provider here. Open the address that <code>skywarden up</code> printed.</p>;

function Providers({ providers, back }: { providers: SignInOptions["providers"]; back: string }) {
  return providers.map((provider) => (
    <Button key={provider.id} as="a" size="large" href={`/sign-in/${encodeURIComponent(provider.id)}`} onClick={() => keepReturn(back)}>
      Sign in with {provider.name}
    </Button>
  ));
}

function SignInForm({ back }: { back: string }) {
  const navigate = useNavigate();
  const known = (useLocation().state as { name?: string } | null)?.name ?? "";
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [state, setState] = useState(START);
  const seconds = useSecondsLeft(state);
  const first = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const isCode = state.step === "code";
  const signingIn = useMutation({
    mutationFn: () => api.post<{ session: Session }>("/sign-in", { name: name.trim(), password, ...(isCode ? { code: code.trim() } : {}) }),
    onSuccess: async ({ session }) => {
      startSession(session);
      // An attempt through a provider that was given up must not lead away later.
      takeReturn();
      await navigate(back, { replace: true });
    },
    onError: (error) => {
      const { status, code: word, message, retryAfter } = error instanceof ApiError ? error : new ApiError(0, "Defect", error.message);
      setState((known) => afterRefusal(known, { status, code: word, message, retryAfter }, Date.now()));
      setCode("");
    },
  });
  // Typing goes on where something has to be typed next.
  useEffect(() => {
    (isCode || known ? secret : first).current?.focus();
  }, [isCode, known]);
  useEffect(() => {
    if (state.problem) secret.current?.select();
  }, [state]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const isEmpty = isCode ? !code.trim() : !name.trim() || !password;
    if (isEmpty) setState({ ...state, problem: isCode ? "Type the code." : "Type the name and the password." });
    else signingIn.mutate();
  };
  const restart = () => {
    setPassword("");
    setState(START);
  };
  return (
    <form className="stack wide" onSubmit={submit} noValidate aria-label="Sign in">
      {isCode ? (
        <>
          <p>The password of <strong><bdi>{name.trim()}</bdi></strong> is right. This account also asks for a one-time code.</p>
          <Field label="One-time code" required hint="Six digits from your authenticator app, or one of your recovery codes.">
            <Input ref={secret} value={code} autoComplete="one-time-code" inputMode="text" spellCheck={false} maxLength={64} onChange={(_, data) => setCode(data.value)} />
          </Field>
        </>
      ) : (
        <>
          <Field label="Name" required>
            <Input ref={first} name="username" value={name} autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={256} onChange={(_, data) => setName(data.value)} />
          </Field>
          <Field label="Password" required>
            <PasswordInput inputRef={secret} name="password" value={password} autoComplete="current-password" onChange={setPassword} />
          </Field>
        </>
      )}
      <Problem text={state.problem} />
      {seconds > 0 && <p className="muted" role="timer">The next attempt is taken in {waitText(seconds)}.</p>}
      <Button type="submit" appearance="primary" size="large" disabled={signingIn.isPending || seconds > 0}>{signingIn.isPending ? "Signing in…" : isCode ? "Go on" : "Sign in"}</Button>
      {isCode && <Button appearance="transparent" onClick={restart}>Sign in with another account</Button>}
    </form>
  );
}

/** Counts down to the next attempt. */
function useSecondsLeft(state: typeof START): number {
  const [now, setNow] = useState(Date.now);
  const seconds = secondsLeft(state, now);
  useEffect(() => setNow(Date.now()), [state]);
  useEffect(() => {
    if (seconds === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [seconds === 0]);
  return seconds;
}
