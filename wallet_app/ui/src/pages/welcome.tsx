import { useState } from "preact/hooks";
import type { Key } from "../i18n";
import { startLogin } from "../session/login";
import { Button, Card, Notice, PageTitle } from "../ui/parts";
import { useAction, useWallet } from "../wallet";
import { PassList } from "./pass-list";

/** Before a login: what this is, and the way in. Passes that are still valid can be shown all the same. */
export function Welcome({ notice }: { notice: Key | null }) {
  const { t, config, database, language, now } = useWallet();
  const { busy, why, run } = useAction();
  const [leaving, setLeaving] = useState(false);
  const login = (): Promise<void> =>
    run(async () => {
      const url = await startLogin(config, database, { origin: location.origin, language, returnTo: "/", now });
      setLeaving(true);
      location.assign(url);
    });
  return (
    <>
      <div class="hero">
        <PageTitle name={t("welcome.login")}>{t("welcome.title")}</PageTitle>
        <p class="lead">{t("app.tagline")}</p>
        {notice !== null && <Notice tone={notice === "home.erased_all" ? "good" : "plain"} text={t(notice)} />}
        {why !== null && <Notice tone="bad" text={why} />}
        <Button tone="primary" busy={busy || leaving} onPress={() => void login()}>
          {t("welcome.login")}
        </Button>
      </div>
      <PassList title={t("welcome.saved")} />
      <Card>
        <h2>{t("welcome.how")}</h2>
        <ol class="steps">
          <li>{t("welcome.step1")}</li>
          <li>{t("welcome.step2")}</li>
          <li>{t("welcome.step3")}</li>
        </ol>
        <p class="soft">{t("welcome.manual")}</p>
      </Card>
    </>
  );
}
