import { Button, Field, Input } from "@fluentui/react-components";
import { CheckmarkCircle16Filled, Circle16Regular, Eye20Regular, EyeOff20Regular } from "@fluentui/react-icons";
import { useId, useState } from "react";
import { passwordRules } from "../lib/password";

interface Props {
  label?: string;
  /** Of the account; `undefined` where it is not known here. */
  name: string | undefined;
  password: string;
  again: string;
  /** Marks what is not met yet as wrong. */
  isChecked: boolean;
  onChange: (password: string, again: string) => void;
}

/** A new password, typed twice, with its rules ticked off while it is typed. */
export function PasswordFields({ label = "New password", name, password, again, isChecked, onChange }: Props) {
  const rulesId = useId();
  const rules = passwordRules(password, name, again);
  return (
    <>
      <Field label={label} required>
        <PasswordInput value={password} autoComplete="new-password" describedBy={rulesId} onChange={(value) => onChange(value, again)} />
      </Field>
      <Field label="The same again" required>
        <PasswordInput value={again} autoComplete="new-password" describedBy={rulesId} onChange={(value) => onChange(password, value)} />
      </Field>
      <ul className="plain small" id={rulesId} aria-label="What the password has to be">
        {rules.map((rule) => {
          const Icon = rule.isMet ? CheckmarkCircle16Filled : Circle16Regular;
          return (
            <li key={rule.key} className={`badge rule-met ${rule.isMet ? "tone-Healthy" : isChecked ? "tone-Unhealthy" : "muted"}`}>
              <Icon aria-hidden />{rule.text}<span className="visually-hidden">{rule.isMet ? ": met" : ": not met yet"}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

interface InputProps {
  value: string;
  autoComplete: "new-password" | "current-password";
  describedBy?: string;
  inputRef?: React.Ref<HTMLInputElement>;
  disabled?: boolean;
  onChange: (value: string) => void;
}

/** A password that can be looked at; the props that a `Field` adds go to the input. */
export function PasswordInput({ value, autoComplete, describedBy, inputRef, disabled, onChange, ...field }: InputProps & Record<string, unknown>) {
  const [isShown, setIsShown] = useState(false);
  return (
    <Input
      {...field} ref={inputRef} type={isShown ? "text" : "password"} value={value} autoComplete={autoComplete} spellCheck={false} maxLength={1024} disabled={disabled} aria-describedby={describedBy}
      onChange={(_, data) => onChange(data.value)}
      contentAfter={
        <Button
          size="small" appearance="transparent" type="button" icon={isShown ? <EyeOff20Regular /> : <Eye20Regular />}
          aria-label={isShown ? "Hide the password" : "Show the password"} title={isShown ? "Hide the password" : "Show the password"} onClick={() => setIsShown(!isShown)}
        />
      }
    />
  );
}
