import { Button, Field } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { ApiError, api } from "../../api/client";
import { queryClient } from "../../api/queries";
import type { Session } from "../../api/peopleTypes";
import { PasswordFields, PasswordInput } from "../../components/PasswordFields";
import { Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { isGoodPassword } from "../../lib/password";

export function PasswordCard({ session }: { session: Session }) {
  const say = useSay();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [isChecked, setIsChecked] = useState(false);
  const changing = useMutation({
    mutationFn: () => api.put<void>("/session/password", { current, password }),
    onSuccess: async () => {
      setCurrent("");
      setPassword("");
      setAgain("");
      setIsChecked(false);
      say("Password changed", "Your other sessions have ended.");
      await queryClient.invalidateQueries({ queryKey: ["session"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (current && isGoodPassword(password, session.name, again)) changing.mutate();
  };
  const isWrong = changing.error instanceof ApiError && changing.error.code === "SignInFailed";
  return (
    <section className="card" aria-label="Password">
      <form className="stack wide" onSubmit={submit} noValidate>
        <h2>Password</h2>
        {/* Password managers learn from it whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={session.name} readOnly hidden />
        <Field label="Present password" required validationMessage={isChecked && !current ? "Type your present password." : undefined}>
          <PasswordInput value={current} autoComplete="current-password" onChange={setCurrent} />
        </Field>
        <PasswordFields
          name={session.name} password={password} again={again} isChecked={isChecked}
          onChange={(one, two) => {
            setPassword(one);
            setAgain(two);
          }}
        />
        <Problem text={isWrong ? "The present password is wrong." : changing.error?.message} />
        <div><Button type="submit" appearance="primary" disabled={changing.isPending}>{changing.isPending ? "Working…" : "Change the password"}</Button></div>
      </form>
    </section>
  );
}
