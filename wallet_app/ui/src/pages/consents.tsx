import { useEffect, useState } from "preact/hooks";
import type { Consent, Offer, Purpose, Zone } from "../api/wallet";
import { askConsent, type ConsentResult, consentResult } from "../consent-page";
import { formatDay, formatTime } from "../i18n";
import { useNavigation } from "../router";
import { Confirm } from "../ui/confirm";
import { Button, Failed, Loading, Notice, PageTitle } from "../ui/parts";
import { loadOffer, useAction, useResource, useWallet } from "../wallet";

interface Ledger {
  readonly traveller: string;
  readonly consents: readonly Consent[];
  readonly offer: Offer;
}

/** What was agreed to, with whom; withdrawing; and what else can be agreed to. Also where the consent page returns. */
export function Consents() {
  const wallet = useWallet();
  const { t, api, language, say } = wallet;
  const { go } = useNavigation();
  const [ledger, reload] = useResource<Ledger>(async () => {
    const [me, consents, offer] = await Promise.all([api.me(), api.consents(language), loadOffer(wallet)]);
    return { traveller: me.traveller, consents, offer };
  }, [language]);
  useEffect(() => {
    const result: ConsentResult | null = consentResult(location.search);
    if (result === null) return;
    say({ tone: result.given ? "good" : "plain", text: t(result.given ? "consents.result_given" : "consents.result_denied") }, result.next);
    go(result.next, { replace: true });
  }, []);
  return (
    <>
      <PageTitle name={t("consents.title")}>{t("consents.title")}</PageTitle>
      <p class="lead">{t("consents.intro")}</p>
      {ledger.state === "loading" && <Loading />}
      {ledger.state === "failed" && <Failed why={ledger.why} retry={reload} />}
      {ledger.state === "ready" && <Lists {...ledger.value} onChanged={reload} />}
    </>
  );
}

function Lists({ traveller, consents, offer, onChanged }: Ledger & { onChanged: () => void }) {
  const { t } = useWallet();
  const active = consents.filter(({ status }) => status === "active" || status === "paused");
  const ended = consents.filter(({ status }) => status === "withdrawn" || status === "expired");
  const open = openOffers(offer, active);
  return (
    <>
      <h2>{t("consents.active")}</h2>
      {active.length === 0 ? (
        <p class="empty">{t("consents.none")}</p>
      ) : (
        <ul class="cards">
          {active.map((consent) => (
            <Active key={consent.consent_id} consent={consent} onWithdrawn={onChanged} />
          ))}
        </ul>
      )}
      {open.length > 0 && (
        <>
          <h2>{t("consents.offer")}</h2>
          {open.map(({ purpose, zones }) => (
            <Offered key={purpose.purpose} traveller={traveller} purpose={purpose} zones={zones} />
          ))}
        </>
      )}
      {ended.length > 0 && (
        <>
          <h2>{t("consents.ended")}</h2>
          <ul class="cards quiet">
            {ended.map((consent) => (
              <Ended key={consent.consent_id} consent={consent} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** Purposes not agreed to yet, with the zones that are still open; a purpose of the broker itself has the one entry null. */
export function openOffers(offer: Offer, active: readonly Consent[]): readonly { purpose: Purpose; zones: readonly (Zone | null)[] }[] {
  return offer.purposes
    .map((purpose) => {
      const taken = active.filter((consent) => consent.purpose === purpose.purpose);
      const perZone = offer.zones.filter(({ zone }) => !taken.some((consent) => consent.zone === zone));
      return { purpose, zones: purpose.per_zone ? perZone : taken.length > 0 ? [] : [null] };
    })
    .filter(({ zones }) => zones.length > 0);
}

function Offered({ traveller, purpose, zones }: { traveller: string; purpose: Purpose; zones: readonly (Zone | null)[] }) {
  const { t, config, language } = useWallet();
  const ask = (zone: string | null): void => askConsent(config, { purpose: purpose.purpose, zone, traveller, language, next: "/consents" });
  return (
    <section class="card offer">
      <h3>{purpose.title}</h3>
      <p class="soft">{purpose.description}</p>
      <ul>
        {zones.map((zone) => (
          <li key={zone?.zone ?? ""}>
            {zone !== null && <span>{zone.name}</span>}
            <Button
              label={t("consents.decide_named", { title: purpose.title, recipient: zone?.name ?? t("app.name") })}
              onPress={() => ask(zone?.zone ?? null)}
            >
              {t("consents.decide")}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Facts({ consent }: { consent: Consent }) {
  const { t, language } = useWallet();
  return (
    <div>
      <strong>{consent.title}</strong>
      <small>{t("consents.to", { recipient: consent.recipient })}</small>
      {consent.kind === "partner" && <small>{t("consents.what", { items: consent.categories.join(" · ") })}</small>}
      {consent.frequency !== null && <small>{t("consents.frequency", { frequency: consent.frequency })}</small>}
      {consent.retention !== null && <small>{t("consents.retention", { retention: consent.retention })}</small>}
      <small>{t("consents.given", { time: formatTime(language, consent.given_at) })}</small>
      {consent.status === "active" && <small>{t("consents.until", { time: formatDay(language, consent.valid_until) })}</small>}
    </div>
  );
}

function Ended({ consent }: { consent: Consent }) {
  const { t, language } = useWallet();
  const settled = consent.settled_at === null ? "" : ` · ${formatTime(language, consent.settled_at)}`;
  return (
    <li class="card">
      <Facts consent={consent} />
      <span class="tag">{t(`consents.status_${consent.status}`) + settled}</span>
    </li>
  );
}

function Active({ consent, onWithdrawn }: { consent: Consent; onWithdrawn: () => void }) {
  const { t, api, database, language, say } = useWallet();
  const { busy, why, run, clear } = useAction();
  const [asking, setAsking] = useState(false);
  const named = { title: consent.title, recipient: consent.recipient };
  const paused = consent.status === "paused";
  const pause = (): Promise<void> =>
    run(async () => {
      if (paused) await api.resume(consent.consent_id);
      else {
        await api.pause(consent.consent_id);
        await dropPasses(consent);
      }
      say({ tone: "good", text: t(paused ? "consents.resumed" : "consents.paused") });
      onWithdrawn();
    });
  const withdraw = (): Promise<void> =>
    run(async () => {
      const { latest_offline_effect: latest } = await api.withdraw(consent.consent_id);
      await dropPasses(consent);
      setAsking(false);
      const done = consent.kind === "partner" ? "consents.withdrawn_partner" : "consents.withdrawn";
      const text = latest === null ? t(done) : t("consents.withdrawn_offline", { time: formatTime(language, latest) });
      say({ tone: "good", text });
      onWithdrawn();
    });
  /** Passes that rested on it are revoked at the broker already; here they would only disappoint. */
  const dropPasses = async ({ kind, purpose, zone }: Consent): Promise<void> => {
    if (kind === "partner") return;
    for (const pass of await database.getAll("passes")) {
      const rests = purpose === "face-enrolment" || (pass.zone === zone && (purpose === "e-channel" || pass.mode === "offline"));
      if (rests) await database.delete("passes", pass.passId);
    }
  };
  return (
    <li class="card">
      <Facts consent={consent} />
      {paused && <span class="tag">{t("consents.status_paused")}</span>}
      <Button label={t(paused ? "consents.resume_named" : "consents.pause_named", named)} busy={busy && !asking} onPress={() => void pause()}>
        {t(paused ? "consents.resume" : "consents.pause")}
      </Button>
      {why !== null && !asking && <Notice tone="bad" text={why} />}
      <Button label={t("consents.withdraw_named", named)} onPress={() => setAsking(true)}>
        {t("consents.withdraw")}
      </Button>
      {asking && (
        <Confirm
          title={t("consents.withdraw_title")}
          yes={t("consents.withdraw_yes")}
          busy={busy}
          onYes={() => void withdraw()}
          onNo={() => {
            clear();
            setAsking(false);
          }}
        >
          <p>
            <strong>{consent.title}</strong>
            {consent.recipient}
          </p>
          <p>{t(consent.kind === "partner" ? "consents.withdraw_text_partner" : "consents.withdraw_text")}</p>
          {consent.latest_offline_effect !== null && (
            <p>{t("consents.withdraw_offline", { time: formatTime(language, consent.latest_offline_effect) })}</p>
          )}
          {why !== null && <Notice tone="bad" text={why} />}
        </Confirm>
      )}
    </li>
  );
}
