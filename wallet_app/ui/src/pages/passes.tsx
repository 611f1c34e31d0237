import { useEffect, useId, useState } from "preact/hooks";
import type { Consent, Me, Offer } from "../api/wallet";
import { askConsent } from "../consent-page";
import { formatSoon, formatTime } from "../i18n";
import { refill } from "../passes/device-keys";
import { latestOfflineEffect, MOST, mint } from "../passes/shelf";
import { useNavigation } from "../router";
import type { Mode, StoredPass } from "../store/database";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { Button, Card, Failed, Link, Loading, Notice, PageTitle } from "../ui/parts";
import { loadOffer, useAction, useResource, useWallet } from "../wallet";
import { useShelf } from "./pass-list";

interface Standing {
  readonly me: Me;
  readonly offer: Offer;
  readonly consents: readonly Consent[];
}

/** The passes on this phone, and new ones. */
export function Passes() {
  const wallet = useWallet();
  const { t, api, database, language, online } = wallet;
  const [version, setVersion] = useState(0);
  const shelf = useShelf(version);
  const [standing, retry] = useResource<Standing>(async () => {
    const [me, offer, consents] = await Promise.all([api.me(), loadOffer(wallet), api.consents(language)]);
    return { me, offer, consents };
  }, [language, online]);
  useEffect(() => void refill(database), [database, version]);
  return (
    <>
      <PageTitle name={t("passes.title")}>{t("passes.title")}</PageTitle>
      {shelf !== null && shelf.passes.length === 0 && <p class="empty">{t("passes.none")}</p>}
      {shelf !== null && shelf.passes.length > 0 && (
        <ul class="cards">
          {shelf.passes.map((pass) => (
            <PassCard key={pass.passId} pass={pass} zone={shelf.nameOf(pass.zone)} onGone={() => setVersion(version + 1)} />
          ))}
        </ul>
      )}
      <h2>{t("passes.new")}</h2>
      {standing.state === "loading" && <Loading />}
      {standing.state === "failed" && (online ? <Failed why={standing.why} retry={retry} /> : <Notice tone="plain" text={t("passes.online_only")} />)}
      {standing.state === "ready" && <NewPass {...standing.value} onMinted={() => setVersion(version + 1)} />}
    </>
  );
}

function PassCard({ pass, zone, onGone }: { pass: StoredPass; zone: string; onGone: () => void }) {
  const { t, api, database, language, now, say } = useWallet();
  const { busy, why, run, clear } = useAction();
  const [asking, setAsking] = useState(false);
  const time = formatSoon(language, pass.expiresAt, now());
  const late = latestOfflineEffect(pass, now());
  const revoke = (): Promise<void> =>
    run(async () => {
      await api.revoke(pass.passId);
      await database.delete("passes", pass.passId);
      say({ tone: "good", text: t("passes.dropped") });
      onGone();
    });
  return (
    <li class="card pass">
      <div>
        <strong>{zone}</strong>
        <small>{t(pass.mode === "online" ? "passes.online" : "passes.offline")}</small>
        <small>{t("passes.valid_until", { time })}</small>
      </div>
      <div class="row">
        <Link to={`/passes/${encodeURIComponent(pass.passId)}`} class="button primary" label={t("passes.show_named", { zone })}>
          <Icon name="pass" />
          <span>{t("passes.show")}</span>
        </Link>
        <Button label={t("passes.drop_named", { zone })} onPress={() => setAsking(true)}>
          {t("passes.drop")}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={t("passes.drop_title")}
          yes={t("passes.drop")}
          busy={busy}
          onYes={() => void revoke()}
          onNo={() => {
            clear();
            setAsking(false);
          }}
        >
          <p>{t("passes.drop_text")}</p>
          {late !== null && <p>{t("consents.withdraw_offline", { time: formatTime(language, late) })}</p>}
          {why !== null && <Notice tone="bad" text={why} />}
        </Confirm>
      )}
    </li>
  );
}

/** What a pass for `zone` still lacks: a purpose to agree to, or null. */
export function missingPurpose(consents: readonly Consent[], zone: string, mode: Mode): "e-channel" | "offline-pass" | null {
  const needed = mode === "offline" ? (["e-channel", "offline-pass"] as const) : (["e-channel"] as const);
  const has = (purpose: string): boolean =>
    consents.some((consent) => consent.purpose === purpose && consent.zone === zone && consent.status === "active");
  return needed.find((purpose) => !has(purpose)) ?? null;
}

function NewPass({ me, offer, consents, onMinted }: Standing & { onMinted: () => void }) {
  const { t, api, database, config, language, now, say } = useWallet();
  const { go } = useNavigation();
  const { busy, why, run } = useAction();
  const agreed = offer.zones.find(({ zone }) => missingPurpose(consents, zone, "online") === null);
  const [zone, setZone] = useState(agreed?.zone ?? offer.zones[0]?.zone ?? "");
  const [mode, setMode] = useState<Mode>("online");
  const [count, setCount] = useState(1);
  const [zoneId, countId] = [useId(), useId()];

  if (!me.enrolled) {
    return (
      <Card>
        <p>{t("passes.needs_face")}</p>
        <Link to="/face" class="button primary">
          {t("home.face_start")}
        </Link>
      </Card>
    );
  }
  const zoneName = offer.zones.find((known) => known.zone === zone)?.name ?? zone;
  const missing = missingPurpose(consents, zone, mode);
  const get = (): Promise<void> =>
    run(async () => {
      const minted = await mint(api, database, { zone, mode, count: mode === "online" ? 1 : count, now });
      const only = minted.length === 1 ? minted[0] : undefined;
      say(null);
      if (only === undefined) onMinted();
      else go(`/passes/${encodeURIComponent(only.passId)}`);
    });
  return (
    <Card>
      <div class="field">
        <label for={zoneId}>{t("passes.zone")}</label>
        <select id={zoneId} value={zone} onChange={(event) => setZone(event.currentTarget.value)}>
          {offer.zones.map((known) => (
            <option key={known.zone} value={known.zone}>
              {known.name}
            </option>
          ))}
        </select>
      </div>
      <fieldset>
        <legend>{t("passes.mode")}</legend>
        <ModeChoice mode="online" chosen={mode} onChoose={setMode} title={t("passes.online")} hint={t("passes.online_hint")} />
        <ModeChoice mode="offline" chosen={mode} onChoose={setMode} title={t("passes.offline")} hint={t("passes.offline_hint")} />
      </fieldset>
      {mode === "offline" && missing === null && (
        <div class="field">
          <label for={countId}>{t("passes.count")}</label>
          <select id={countId} value={String(count)} onChange={(event) => setCount(Number(event.currentTarget.value))}>
            {Array.from({ length: MOST }, (_, i) => (
              <option key={i} value={String(i + 1)}>
                {i + 1}
              </option>
            ))}
          </select>
        </div>
      )}
      {why !== null && <Notice tone="bad" text={why} />}
      {missing === null ? (
        <Button tone="primary" icon="pass" busy={busy} onPress={() => void get()}>
          {t(busy ? "passes.getting" : "passes.get")}
        </Button>
      ) : (
        <div class="stack">
          <Notice tone="plain" text={t(missing === "e-channel" ? "passes.needs_consent" : "passes.needs_consent_offline", { zone: zoneName })} />
          <Button tone="primary" onPress={() => askConsent(config, { purpose: missing, zone, traveller: me.traveller, language, next: "/passes" })}>
            {t("passes.give")}
          </Button>
        </div>
      )}
    </Card>
  );
}

interface ModeChoiceProps {
  readonly mode: Mode;
  readonly chosen: Mode;
  readonly onChoose: (mode: Mode) => void;
  readonly title: string;
  readonly hint: string;
}

function ModeChoice({ mode, chosen, onChoose, title, hint }: ModeChoiceProps) {
  return (
    <label class="choice">
      <input type="radio" name="mode" value={mode} checked={mode === chosen} onChange={() => onChoose(mode)} />
      <span>
        <strong>{title}</strong>
        <small>{hint}</small>
      </span>
    </label>
  );
}
