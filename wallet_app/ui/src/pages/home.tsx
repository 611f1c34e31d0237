import { useState } from "preact/hooks";
import { Problem } from "../api/problem";
import type { Consent, Me } from "../api/wallet";
import { isKey, type Key } from "../i18n";
import { startLogin } from "../session/login";
import { FRESH_LOGIN } from "../session/tokens";
import { Confirm } from "../ui/confirm";
import { Icon, type IconName } from "../ui/icon";
import { Button, Failed, Link, Loading, Notice, PageTitle } from "../ui/parts";
import { useAction, useResource, useWallet } from "../wallet";
import { PassList, useShelf } from "./pass-list";

interface Overview {
  readonly me: Me;
  readonly active: readonly Consent[];
}

/** Where the person stands, and the one next step. */
export function Home() {
  const { t, api, language } = useWallet();
  const [overview, retry] = useResource<Overview>(async () => {
    const [me, consents] = await Promise.all([api.me(), api.consents(language)]);
    return { me, active: consents.filter((consent) => consent.status === "active") };
  }, [language]);
  const name = overview.state === "ready" ? overview.value.me.name : null;
  return (
    <>
      <PageTitle name={t("home.title")}>{name === null ? t("home.hello_unnamed") : t("home.hello", { name })}</PageTitle>
      {overview.state === "loading" && <Loading />}
      {overview.state === "failed" && <Failed why={overview.why} retry={retry} />}
      {overview.state === "ready" && <Status {...overview.value} />}
      <PassList title={t("home.show")} />
      <YourData canErase={overview.state === "ready"} />
    </>
  );
}

function Status({ me, active }: Overview) {
  const { t } = useWallet();
  const shelf = useShelf();
  const provider = `provider.${me.provider}`;
  const next = nextStep(me, active, shelf?.passes.length ?? 0);
  return (
    <>
      {next === null ? (
        <Notice tone="good" text={t("home.ready")} />
      ) : (
        <Link to={next.to} class="next">
          <small>{t("home.next")}</small>
          <strong>{t(next.text)}</strong>
          <span aria-hidden="true">→</span>
        </Link>
      )}
      <ul class="status">
        <StatusRow icon="identity" title={t("home.identity")}>
          {t("home.identity_by", { provider: isKey(provider) ? t(provider) : me.provider })}
        </StatusRow>
        <StatusRow icon="face" title={t("home.face")} to="/face" action={t(me.enrolled ? "home.face_manage" : "home.face_start")}>
          {t(me.enrolled ? "home.face_yes" : "home.face_no")}
        </StatusRow>
        <StatusRow icon="consent" title={t("home.consents")} to="/consents" action={t("home.face_manage")}>
          {t("home.consents_count", { count: active.length })}
        </StatusRow>
        <StatusRow icon="pass" title={t("home.passes")} to="/passes" action={t("home.face_manage")}>
          {t("home.passes_count", { count: shelf?.passes.length ?? 0 })}
        </StatusRow>
      </ul>
    </>
  );
}

/** Null when nothing is left to do. */
export function nextStep(me: Me, active: readonly Consent[], passes: number): { to: string; text: Key } | null {
  if (!me.enrolled) return { to: "/face", text: "home.next_enrol" };
  if (!active.some((consent) => consent.purpose === "e-channel")) return { to: "/consents", text: "home.next_consent" };
  return passes === 0 ? { to: "/passes", text: "home.next_pass" } : null;
}

function StatusRow({ icon, title, children, to, action }: { icon: IconName; title: string; children: string; to?: string; action?: string }) {
  return (
    <li>
      <Icon name={icon} />
      <span>
        <strong>{title}</strong>
        <small>{children}</small>
      </span>
      {to !== undefined && action !== undefined && (
        <Link to={to} class="button plain small" label={`${action}: ${title}`}>
          {action}
        </Link>
      )}
    </li>
  );
}

/** Pages at the broker's own origin, where the person is logged in. */
const BROKER_PAGES: readonly { path: string; name: Key }[] = [
  { path: "/identities", name: "home.identities" },
  { path: "/rights", name: "home.rights" },
];

function YourData({ canErase }: { canErase: boolean }) {
  const { t, tokens, api, config, database, now, language, leave } = useWallet();
  const { busy, why, run, clear } = useAction();
  const [asking, setAsking] = useState(false);
  const signOut = (): Promise<void> =>
    run(async () => {
      await tokens.signOut();
      leave(null);
    });
  const eraseAll = (): Promise<void> =>
    run(async () => {
      const certificate = await api.eraseAccount().catch(async (error: unknown) => {
        if (!(error instanceof Problem && error.reason === FRESH_LOGIN)) throw error;
        // What cannot be undone needs whoever holds the phone to log in first; they come back here and ask once more.
        location.assign(await startLogin(config, database, { origin: location.origin, language, returnTo: "/", now, fresh: true }));
        return null;
      });
      if (certificate === null) return;
      await tokens.signOut();
      leave("home.erased_all");
      if (new URL(certificate).origin === new URL(config.broker).origin) location.assign(`${certificate}?lang=${language}`);
    });
  return (
    <section class="stack data">
      <h2>{t("home.data")}</h2>
      <ul class="links">
        {BROKER_PAGES.map(({ path, name }) => (
          <li key={path}>
            <a href={`${config.broker}${path}?lang=${language}`}>{t(name)}</a>
          </li>
        ))}
      </ul>
      <p class="soft">{t("home.signout_hint")}</p>
      {why !== null && !asking && <Notice tone="bad" text={why} />}
      <div class="row">
        <Button icon="leave" busy={busy && !asking} onPress={() => void signOut()}>
          {t("home.signout")}
        </Button>
        {canErase && (
          <Button tone="danger" onPress={() => setAsking(true)}>
            {t("home.erase_all")}
          </Button>
        )}
      </div>
      {asking && (
        <Confirm
          title={t("home.erase_all_title")}
          yes={t("home.erase_all_yes")}
          busy={busy}
          onYes={() => void eraseAll()}
          onNo={() => {
            clear();
            setAsking(false);
          }}
        >
          <p>{t("home.erase_all_text")}</p>
          {why !== null && <Notice tone="bad" text={why} />}
        </Confirm>
      )}
    </section>
  );
}
