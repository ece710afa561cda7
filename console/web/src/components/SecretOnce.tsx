import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { CopyBlock } from "./CopyBlock";

/** What the server tells once and keeps no copy of. */
export function SecretOnce({ title, text, advice = "Copy it now and keep it where only its owner can read it.", children }: { title: string; text: string; advice?: string; children?: ReactNode }) {
  return (
    <div className="stack" role="status">
      <MessageBar intent="warning" layout="multiline"><MessageBarBody>This is shown once. {advice}</MessageBarBody></MessageBar>
      <CopyBlock title={title} text={text} isWrapped />
      {children}
    </div>
  );
}
