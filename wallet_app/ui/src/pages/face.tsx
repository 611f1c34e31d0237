import { useState } from "preact/hooks";
import { askConsent } from "../consent-page";
import { formatTime } from "../i18n";
import { Confirm } from "../ui/confirm";
import { Button, Card, Failed, Link, Loading, Notice, PageTitle } from "../ui/parts";
import { useAction, useResource, useWallet } from "../wallet";
import { Capture } from "./capture";

type Stage = "standing" | "capture" | "done";

interface Standing {
  readonly traveller: string;
  readonly enrolled: boolean;
  readonly agreed: boolean;
}

/** Enrolment: agree first, then one photograph; afterwards renew or erase. */
export function Face() {
  const { t, api, config, language } = useWallet();
  const [stage, setStage] = useState<Stage>("standing");
  const [standing, reload] = useResource<Standing>(async () => {
    const [me, consents] = await Promise.all([api.me(), api.consents(language)]);
    const agreed = consents.some((consent) => consent.purpose === "face-enrolment" && consent.status === "active");
    return { traveller: me.traveller, enrolled: me.enrolled, agreed };
  }, [language]);
  const ready = standing.state === "ready" ? standing.value : null;
  return (
    <>
      <PageTitle name={t("face.title")}>{t("face.title")}</PageTitle>
      {standing.state === "loading" && <Loading />}
      {standing.state === "failed" && <Failed why={standing.why} retry={reload} />}
      {stage === "done" && <Done />}
      {ready !== null && stage === "standing" && ready.enrolled && (
        <Enrolled
          canRenew={ready.agreed}
          onRenew={() => setStage("capture")}
          onErased={() => {
            setStage("standing");
            reload();
          }}
        />
      )}
      {ready !== null && stage === "standing" && !ready.enrolled && !ready.agreed && (
        <Card>
          <p>{t("face.intro")}</p>
          <p>{t("face.consent_first")}</p>
          <Button tone="primary" onPress={() => askConsent(config, { purpose: "face-enrolment", zone: null, traveller: ready.traveller, language, next: "/face" })}>
            {t("face.consent_go")}
          </Button>
        </Card>
      )}
      {ready !== null && ((stage === "standing" && !ready.enrolled && ready.agreed) || stage === "capture") && (
        <Capture send={(photo) => api.enrol(photo)} onDone={() => setStage("done")} />
      )}
    </>
  );
}

function Done() {
  const { t } = useWallet();
  return (
    <>
      <Notice tone="good" text={t("face.done")} />
      <Link to="/" class="button primary">
        {t("face.next")}
      </Link>
    </>
  );
}

function Enrolled({ canRenew, onRenew, onErased }: { canRenew: boolean; onRenew: () => void; onErased: () => void }) {
  const { t, api, database, language, say } = useWallet();
  const { busy, why, run } = useAction();
  const [asking, setAsking] = useState(false);
  const erase = (): Promise<void> =>
    run(async () => {
      const { latest_offline_effect: latest } = await api.eraseFace();
      await database.clear("passes");
      setAsking(false);
      const late = latest === null ? "" : ` ${t("consents.withdraw_offline", { time: formatTime(language, latest) })}`;
      say({ tone: "good", text: t("face.erased") + late });
      onErased();
    });
  return (
    <Card>
      <p>{t("face.enrolled")}</p>
      <div class="row">
        {canRenew && (
          <Button icon="camera" onPress={onRenew}>
            {t("face.renew")}
          </Button>
        )}
        <Button tone="danger" onPress={() => setAsking(true)}>
          {t("face.erase")}
        </Button>
      </div>
      {asking && (
        <Confirm title={t("face.erase_title")} yes={t("face.erase_yes")} busy={busy} onYes={() => void erase()} onNo={() => setAsking(false)}>
          <p>{t("face.erase_text")}</p>
          {why !== null && <Notice tone="bad" text={why} />}
        </Confirm>
      )}
    </Card>
  );
}
