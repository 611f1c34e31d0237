/** A question before something that cannot be undone: the platform's modal dialog keeps focus inside and closes on Escape. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useWallet } from "../wallet";
import { Button } from "./parts";

interface Props {
  readonly title: string;
  readonly yes: string;
  readonly busy: boolean;
  readonly children: ComponentChildren;
  readonly onYes: () => void;
  readonly onNo: () => void;
}

export function Confirm({ title, yes, busy, children, onYes, onNo }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const { t } = useWallet();
  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onNo();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
      <div class="row end">
        <Button onPress={onNo} disabled={busy}>
          {t("app.cancel")}
        </Button>
        <Button tone="danger" busy={busy} onPress={onYes}>
          {yes}
        </Button>
      </div>
    </dialog>
  );
}
