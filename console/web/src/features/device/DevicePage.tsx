import { Button, Field, Input } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useSearchParams } from "react-router";
import { api } from "../../api/client";
import type { DeviceLogin } from "../../api/peopleTypes";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { Time } from "../../components/Time";

/** Where a program on another device sends a person who is to agree to its login. */
export default function DevicePage() {
  const [parameters, setParameters] = useSearchParams();
  const code = parameters.get("code") ?? "";
  const [typed, setTyped] = useState(code);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim()) setParameters({ code: typed.trim() }, { replace: true });
  };
  return (
    <div className="page">
      <PageHead title="Sign in on another device" tabTitle="Another device" />
      <section className="card stack wide" aria-label="Code">
        <form className="stack wide" onSubmit={submit} noValidate>
          <Field label="Code" hint="The program shows it, such as BCDF-GHJK.">
            <Input value={typed} autoComplete="one-time-code" autoFocus={!code} onChange={(_, data) => setTyped(data.value)} />
          </Field>
          <div><Button type="submit" appearance={code ? "secondary" : "primary"}>Look it up</Button></div>
        </form>
        {code && <Decision key={code} code={code} />}
      </section>
    </div>
  );
}

function Decision({ code }: { code: string }) {
  const login = useQuery({ queryKey: ["device", code], queryFn: ({ signal }) => api.get<DeviceLogin>("/device", { code }, signal), retry: false });
  const saying = useMutation({ mutationFn: (allow: boolean) => api.post<void>("/device", { code, allow }) });
  if (saying.isSuccess) {
    return <p role="status">{saying.variables ? "The program is signed in as you. You can close this page." : "The program was refused."}</p>;
  }
  if (login.error) return <Problem text={login.error.message} />;
  if (!login.data) return <p role="status">Looking…</p>;
  const { clientId, address, askedAt } = login.data;
  return (
    <div className="stack wide">
      <dl className="facts">
        <dt>Program</dt><dd><bdi>{clientId}</bdi></dd>
        <dt>Asked from</dt><dd><bdi>{address || "an unknown address"}</bdi></dd>
        <dt>Asked at</dt><dd><Time at={askedAt} /></dd>
      </dl>
      <p>If you agree, it can do all that you may do. <strong>Agree only if you started it yourself</strong>: nobody else has a reason to send you a code.</p>
      <Problem text={saying.error?.message} />
      <div className="row">
        <Button appearance="primary" disabled={saying.isPending} onClick={() => saying.mutate(true)}>I started it, sign it in</Button>
        <Button disabled={saying.isPending} onClick={() => saying.mutate(false)}>Refuse</Button>
      </div>
    </div>
  );
}
