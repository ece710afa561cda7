export const PASSWORD_LENGTH = 12;

export interface Rule {
  key: "length" | "name" | "same";
  text: string;
  isMet: boolean;
}

/** What a new password has to be, and whether it is; `again` is the second typing of it. A name that is not known is left to the server. */
export function passwordRules(password: string, name: string | undefined, again: string): Rule[] {
  const length = [...password].length;
  const isName = name !== undefined && name.trim() !== "" && password.trim().toLowerCase() === name.trim().toLowerCase();
  const rules: Rule[] = [
    { key: "length", text: `At least ${PASSWORD_LENGTH} characters${length > 0 && length < PASSWORD_LENGTH ? `, ${PASSWORD_LENGTH - length} more` : ""}`, isMet: length >= PASSWORD_LENGTH },
    { key: "name", text: "Not the name of the account", isMet: length > 0 && !isName },
    { key: "same", text: "Typed the same twice", isMet: length > 0 && password === again },
  ];
  return name === undefined ? rules.filter((rule) => rule.key !== "name") : rules;
}

export const isGoodPassword = (password: string, name: string | undefined, again: string): boolean => passwordRules(password, name, again).every((rule) => rule.isMet);
