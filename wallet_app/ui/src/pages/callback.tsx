import { useEffect } from "preact/hooks";
import { useNavigation } from "../router";
import { finishLogin, LoginFailed } from "../session/login";
import { Loading, PageTitle } from "../ui/parts";
import { useWallet } from "../wallet";

/** Where the broker sends the browser back with a code. The address is cleared before anything else can read it. */
export function Callback({ onSignedIn }: { onSignedIn: () => void }) {
  const { t, config, database, now, leave } = useWallet();
  const { go } = useNavigation();
  useEffect(() => {
    const callback = new URL(location.href);
    history.replaceState(null, "", "/callback");
    finishLogin(config, database, callback, now).then(
      (returnTo) => {
        onSignedIn();
        go(returnTo, { replace: true });
      },
      (error: unknown) => {
        console.warn("login", error);
        leave(error instanceof LoginFailed && error.code === "access_denied" ? "welcome.denied" : "welcome.failed");
      },
    );
  }, []);
  return (
    <>
      <PageTitle name={t("welcome.login")} quiet>
        {t("login.finishing")}
      </PageTitle>
      <Loading />
    </>
  );
}
