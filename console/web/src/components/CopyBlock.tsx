import { Button } from "@fluentui/react-components";
import { Checkmark16Regular, Copy16Regular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";

/** A text to copy as it is: a command line, a snippet. */
export function CopyBlock({ title, text, isWrapped = false }: { title: string; text: string; isWrapped?: boolean }) {
  const { isCopied, copy } = useCopy(text);
  return (
    <div className="code">
      <div className="code-head">
        <span>{title}</span>
        <Button
          size="small" appearance="subtle" icon={isCopied ? <Checkmark16Regular /> : <Copy16Regular />}
          onClick={copy} aria-label={`Copy ${title}`}
        >
          <span aria-live="polite">{isCopied ? "Copied" : "Copy"}</span>
        </Button>
      </div>
      <pre className={isWrapped ? "wrap" : undefined} tabIndex={0} aria-label={title}>{text}</pre>
    </div>
  );
}

/** For what is shown in another way than it is copied. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const { isCopied, copy } = useCopy(text);
  return (
    <Button size="small" icon={isCopied ? <Checkmark16Regular /> : <Copy16Regular />} onClick={copy}>
      <span aria-live="polite">{isCopied ? "Copied" : label}</span>
    </Button>
  );
}

export function CopyId({ id }: { id: string }) {
  const { isCopied, copy } = useCopy(id);
  return (
    <Button
      size="small" appearance="subtle" icon={isCopied ? <Checkmark16Regular /> : <Copy16Regular />}
      onClick={copy} aria-label={isCopied ? "Copied" : "Copy the id"} title="Copy the id"
    />
  );
}

function useCopy(text: string) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setIsCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = () => {
    navigator.clipboard?.writeText(text).then(() => setIsCopied(true), () => setIsCopied(false));
  };
  return { isCopied, copy };
}
