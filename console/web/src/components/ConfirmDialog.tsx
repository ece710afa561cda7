import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, MessageBar, MessageBarBody,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState, type ReactElement, type ReactNode } from "react";
import { sentence } from "../lib/format";

interface Props {
  trigger: ReactElement;
  title: string;
  children: ReactNode;
  action: string;
  onConfirm: () => Promise<void>;
}

/** Asks before something is removed, and stays open with the reason if that fails. */
export function ConfirmDialog({ trigger, title, children, action, onConfirm }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  const removal = useMutation({ mutationFn: onConfirm, onSuccess: () => setIsOpen(false) });
  const change = (open: boolean) => {
    if (removal.isPending) return;
    removal.reset();
    setIsOpen(open);
  };
  return (
    <Dialog modalType="alert" open={isOpen} onOpenChange={(_, data) => change(data.open)}>
      <DialogTrigger disableButtonEnhancement>{trigger}</DialogTrigger>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className="stack">
            {children}
            {removal.error && (
              <MessageBar intent="error"><MessageBarBody>{sentence(removal.error.message)}</MessageBarBody></MessageBar>
            )}
          </DialogContent>
          <DialogActions>
            <DialogTrigger disableButtonEnhancement>
              <Button disabled={removal.isPending}>Cancel</Button>
            </DialogTrigger>
            <Button appearance="primary" disabled={removal.isPending} onClick={() => removal.mutate()}>
              {removal.isPending ? "Working…" : action}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
