/** The wallet's small component set: buttons, notices, cards, headings. Names, roles and focus come from the platform's own elements. */
import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useNavigation } from "../router";
import { type Said, useWallet } from "../wallet";
import { Icon, type IconName } from "./icon";

type Tone = "primary" | "plain" | "danger";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly busy?: boolean;
  readonly label?: string;
  readonly disabled?: boolean;
  readonly onPress: () => void;
}

/** `label` names the button for screen readers when its text alone would be ambiguous in a list. */
export function Button({ children, tone = "plain", icon, busy = false, label, disabled = false, onPress }: ButtonProps) {
  return (
    <button type="button" class={`button ${tone}`} aria-label={label} aria-disabled={busy || disabled} onClick={() => busy || disabled || onPress()}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon !== undefined && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

interface LinkProps {
  readonly to: string;
  readonly children: ComponentChildren;
  readonly class?: string;
  readonly label?: string;
  readonly current?: boolean;
}

/** A link within the wallet. */
export function Link({ to, children, class: className, label, current = false }: LinkProps) {
  const { go } = useNavigation();
  const onClick = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} class={className} aria-label={label} aria-current={current ? "page" : undefined} onClick={onClick}>
      {children}
    </a>
  );
}

/** The page's heading; it takes the focus when the page opens, so that a screen reader starts there. */
export function PageTitle({ children, name, quiet = false }: { children: ComponentChildren; name: string; quiet?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { t } = useWallet();
  useEffect(() => {
    document.title = `${name} · ${t("app.name")}`;
  }, [name, t]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <h1 ref={heading} tabIndex={-1} class={quiet ? "quiet" : undefined}>
      {children}
    </h1>
  );
}

export function Notice({ tone, text }: Said) {
  const icon = { good: "check", plain: "info", bad: "alert" } as const;
  return (
    <p class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={icon[tone]} />
      <span>{text}</span>
    </p>
  );
}

export function Card({ children, class: className = "" }: { children: ComponentChildren; class?: string }) {
  return <section class={`card ${className}`}>{children}</section>;
}

export function Loading() {
  const { t } = useWallet();
  return (
    <p class="loading" role="status">
      <span class="spinner" aria-hidden="true" /> {t("app.loading")}
    </p>
  );
}

export function Failed({ why, retry }: { why: string; retry: () => void }) {
  const { t } = useWallet();
  return (
    <div class="stack">
      <Notice tone="bad" text={why} />
      <div class="row">
        <Button onPress={retry}>{t("app.retry")}</Button>
      </div>
    </div>
  );
}
