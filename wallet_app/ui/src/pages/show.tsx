import { useEffect, useState } from "preact/hooks";
import { formatSoon } from "../i18n";
import { gateTime, type Presentation, present } from "../passes/presenter";
import type { StoredPass } from "../store/database";
import { useNow } from "../ui/clock";
import { Icon } from "../ui/icon";
import { Link, Loading, Notice, PageTitle } from "../ui/parts";
import { QrCode } from "../ui/qr-code";
import { Ring } from "../ui/ring";
import { useWakeLock } from "../ui/wake-lock";
import { useWallet, zoneNames } from "../wallet";

/** The screen for the gate: nothing but the code, as wide as it goes, renewed every 15 s. Needs no network. */
export function Show({ passId }: { passId: string }) {
  const { t, database } = useWallet();
  const [pass, setPass] = useState<StoredPass | null | undefined>(undefined);
  const [zone, setZone] = useState("");
  useEffect(() => {
    void Promise.all([database.get("passes", passId), zoneNames(database)]).then(([found, nameOf]) => {
      setZone(found === undefined ? "" : nameOf(found.zone));
      setPass(found ?? null);
    });
  }, [database, passId]);
  return (
    <div class="show">
      <header>
        <PageTitle name={t("passes.show")} quiet>
          {zone === "" ? t("passes.title") : t("show.title", { zone })}
        </PageTitle>
        <Link to="/passes" class="button plain small" label={t("show.close")}>
          <Icon name="close" />
        </Link>
      </header>
      {pass === undefined && <Loading />}
      {pass === null && <Over text={t("show.gone")} />}
      {pass != null && zone !== "" && <Code pass={pass} zone={zone} />}
    </div>
  );
}

function Over({ text }: { text: string }) {
  const { t } = useWallet();
  return (
    <div class="stack padded">
      <Notice tone="plain" text={text} />
      <Link to="/passes" class="button primary">
        {t("show.new")}
      </Link>
    </div>
  );
}

function Code({ pass, zone }: { pass: StoredPass; zone: string }) {
  const { t, language, now } = useWallet();
  const at = useNow(now, 250);
  const { unavailable } = useWakeLock();
  const [shown, setShown] = useState<Presentation | null>(null);
  const [failed, setFailed] = useState(false);
  const expired = gateTime(pass, at) >= pass.expiresAt;
  const due = shown === null || at >= shown.until;

  useEffect(() => {
    if (expired || !due) return undefined;
    let wanted = true;
    present(pass, now()).then(
      (presentation) => wanted && setShown(presentation),
      (error: unknown) => {
        console.warn("presenting", error);
        if (wanted) setFailed(true);
      },
    );
    return () => {
      wanted = false;
    };
  }, [pass, due, expired]);

  if (expired) return <Over text={t("show.expired")} />;
  if (failed) return <Over text={t("show.failed")} />;
  if (shown === null) return <Loading />;
  const left = Math.max(0, shown.until - at);
  return (
    <>
      <QrCode text={shown.text} label={t("show.code", { zone })} />
      <div class="under">
        <Ring left={left} label={t("show.seconds", { seconds: Math.ceil(left / 1000) })} />
        <div>
          <p>{t("show.hold")}</p>
          <p class="soft">{t("show.renews")}</p>
          <p class="soft">{t("show.until", { time: formatSoon(language, pass.expiresAt, now()) })}</p>
          {pass.clockOffset !== 0 && <p class="soft">{t("show.clock_off", { seconds: Math.round(Math.abs(pass.clockOffset) / 1000) })}</p>}
          {unavailable && <p class="soft">{t("show.awake_off")}</p>}
        </div>
      </div>
    </>
  );
}
