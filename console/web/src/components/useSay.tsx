import { Toast, ToastBody, ToastTitle, useToastController } from "@fluentui/react-components";

export const TOASTER = "main-toaster";

/** Shows a short message that goes away by itself. */
export function useSay() {
  const { dispatchToast } = useToastController(TOASTER);
  return (title: string, body?: string) =>
    dispatchToast(
      <Toast>
        <ToastTitle>{title}</ToastTitle>
        {body && <ToastBody>{body}</ToastBody>}
      </Toast>,
      { intent: "success", timeout: 8000, politeness: "polite" },
    );
}
