import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactElement, type ReactNode } from "react";
import { Problem } from "./Problem";

/** A dialog whose content begins anew each time it opens. */
export function OpenDialog({ trigger, children }: { trigger: ReactElement; children: (close: () => void) => ReactNode }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    // A click beside it must not lose what was typed, or a secret that is shown once.
    <Dialog open={isOpen} onOpenChange={(_, data) => data.type !== "backdropClick" && setIsOpen(data.open)}>
      <DialogTrigger disableButtonEnhancement>{trigger}</DialogTrigger>
      <DialogSurface>{isOpen && children(() => setIsOpen(false))}</DialogSurface>
    </Dialog>
  );
}

interface FormProps {
  title: string;
  action: string;
  /** Called when the form is sent; `false` where a field is wrong, which the fields then show. */
  isReady: () => boolean;
  onSubmit: () => Promise<unknown>;
  children: ReactNode;
}

/** The content of a dialog that asks for something and sends it; it stays open with the reason if that fails. */
export function DialogForm({ title, action, isReady, onSubmit, children }: FormProps) {
  const sending = useMutation({ mutationFn: onSubmit });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The dialog is a child of the page's forms for React, though not for the browser.
    event.stopPropagation();
    if (isReady()) sending.mutate();
  };
  return (
    <form onSubmit={submit} noValidate>
      <DialogBody>
        <DialogTitle>{title}</DialogTitle>
        <DialogContent className="stack wide">
          {children}
          <Problem text={sending.error?.message} />
        </DialogContent>
        <DialogActions>
          <DialogTrigger disableButtonEnhancement><Button disabled={sending.isPending}>Cancel</Button></DialogTrigger>
          <Button type="submit" appearance="primary" disabled={sending.isPending}>{sending.isPending ? "Working…" : action}</Button>
        </DialogActions>
      </DialogBody>
    </form>
  );
}

/** The content of a dialog that only shows something. */
export function DialogNote({ title, children, onClose }: { title: string; children: ReactNode; onClose: () => void }) {
  return (
    <DialogBody>
      <DialogTitle>{title}</DialogTitle>
      <DialogContent className="stack wide">{children}</DialogContent>
      <DialogActions><Button appearance="primary" onClick={onClose}>Done</Button></DialogActions>
    </DialogBody>
  );
}
