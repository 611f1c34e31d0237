import type { Offer, Use } from "../api/wallet";
import { formatTime, isKey } from "../i18n";
import { Failed, Loading, PageTitle } from "../ui/parts";
import { loadOffer, useResource, useWallet } from "../wallet";

interface Log {
  readonly uses: readonly Use[];
  readonly offer: Offer;
}

/** Every use of the person's data, as the journal has it. */
export function Uses() {
  const wallet = useWallet();
  const { t, api, language } = wallet;
  const [log, retry] = useResource<Log>(async () => {
    const [uses, offer] = await Promise.all([api.uses(language), loadOffer(wallet)]);
    return { uses, offer };
  }, [language]);
  return (
    <>
      <PageTitle name={t("uses.title")}>{t("uses.title")}</PageTitle>
      <p class="lead">{t("uses.intro")}</p>
      {log.state === "loading" && <Loading />}
      {log.state === "failed" && <Failed why={log.why} retry={retry} />}
      {log.state === "ready" && log.value.uses.length === 0 && <p class="empty">{t("uses.none")}</p>}
      {log.state === "ready" && log.value.uses.length > 0 && (
        <ol class="log">
          {log.value.uses.map((use, index) => (
            <Entry key={`${use.at}-${index}`} use={use} offer={log.value.offer} />
          ))}
        </ol>
      )}
    </>
  );
}

function Entry({ use, offer }: { use: Use; offer: Offer }) {
  const { t, language } = useWallet();
  const kind = `kind.${use.kind}`;
  const decision = `decision.${use.decision}`;
  const zone = offer.zones.find((known) => known.zone === use.zone)?.name ?? use.zone;
  const what = [offer.purposes.find((known) => known.purpose === use.purpose)?.title, use.recipient ?? zone].filter(Boolean).join(" · ");
  return (
    <li>
      <strong>{isKey(kind) ? t(kind) : (use.title ?? t("kind.other"))}</strong>
      {use.against !== null && <span class="tag refused">{t(use.against === "held" ? "uses.held" : "uses.declined")}</span>}
      {use.decision !== null && <span class={`tag ${use.decision}`}>{isKey(decision) ? t(decision) : use.decision}</span>}
      {what !== "" && <span class="what">{what}</span>}
      <time dateTime={new Date(use.at).toISOString()}>{formatTime(language, use.at)}</time>
      {use.against !== null && <Against use={use} />}
    </li>
  );
}

/** Why nothing left, and what the person can do about it. */
function Against({ use }: { use: Use }) {
  const { t, language } = useWallet();
  const why = use.why ?? [];
  return (
    <div class="against">
      <p>{t(use.against === "held" ? "uses.held_means" : "uses.declined_means")}</p>
      {why.length > 0 && (
        <ul>
          {why.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      {use.review !== null && /^https?:/.test(use.review) && (
        <p>
          <a href={use.review} aria-label={`${t("uses.review")}: ${formatTime(language, use.at)}`}>
            {t("uses.review")}
          </a>
        </p>
      )}
    </div>
  );
}
