import { Fragment } from "react";

/** The name of a type or an action; where it does not fit it breaks between its parts, not inside a word. */
export function PartedText({ text }: { text: string }) {
  const parts = text.split(/(?<=::|\/)/);
  return <>{parts.map((part, at) => <Fragment key={at}>{at > 0 && <wbr />}{part}</Fragment>)}</>;
}
