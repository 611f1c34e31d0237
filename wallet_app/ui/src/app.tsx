/** The wallet's frame: language, navigation, connection, and the page for the address. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Key, LANGUAGE_NAMES, LANGUAGES, type Language, preferredLanguage, storedLanguage, storeLanguage, translator } from "./i18n";
import { Callback } from "./pages/callback";
import { Consents } from "./pages/consents";
import { Face } from "./pages/face";
import { Home } from "./pages/home";
import { Passes } from "./pages/passes";
import { Show } from "./pages/show";
import { Uses } from "./pages/uses";
import { Welcome } from "./pages/welcome";
import { NavigationContext, type Route, routeOf, useHistory } from "./router";
import { useOnline } from "./ui/clock";
import { Icon, type IconName } from "./ui/icon";
import { Link, Notice } from "./ui/parts";
import { type Said, type Services, type Wallet, WalletContext, useWallet } from "./wallet";

interface Props {
  readonly services: Services;
  readonly startsSignedIn: boolean;
}

export function App({ services, startsSignedIn }: Props) {
  const navigation = useHistory();
  const online = useOnline();
  const [language, setLanguage] = useState(() => preferredLanguage(storedLanguage(), navigator.languages));
  const [signedIn, setSignedIn] = useState(startsSignedIn);
  const [notice, setNotice] = useState<Key | null>(null);
  const [said, setSaid] = useState<Said & { readonly path: string }>();
  const route = routeOf(navigation.path);
  useEffect(() => {
    document.documentElement.lang = language;
    storeLanguage(language);
  }, [language]);
  // Against the address as it is now: a page may have spoken and moved on before this runs.
  useEffect(() => setSaid((last) => (last?.path === location.pathname ? last : undefined)), [navigation.path]);
  const wallet: Wallet = useMemo(
    () => ({
      ...services,
      language,
      t: translator(language),
      online,
      say: (message, path = location.pathname) => setSaid(message === null ? undefined : { ...message, path }),
      leave: (why) => {
        setSignedIn(false);
        setSaid(undefined);
        setNotice(why);
        navigation.go("/", { replace: true });
      },
    }),
    [services, language, online],
  );
  return (
    <NavigationContext.Provider value={navigation}>
      <WalletContext.Provider value={wallet}>
        {route.page === "show" ? (
          <main id="main">
            <Show key={route.passId} passId={route.passId} />
          </main>
        ) : (
          <Frame page={route.page} signedIn={signedIn} said={said?.path === navigation.path ? said : undefined} onLanguage={setLanguage}>
            {route.page === "callback" ? (
              <Callback
                onSignedIn={() => {
                  setNotice(null);
                  setSignedIn(true);
                }}
              />
            ) : signedIn ? (
              <Page page={route.page} key={route.page} />
            ) : (
              <Welcome notice={notice} />
            )}
          </Frame>
        )}
      </WalletContext.Provider>
    </NavigationContext.Provider>
  );
}

function Page({ page }: { page: Exclude<Route["page"], "show" | "callback"> }) {
  switch (page) {
    case "home":
      return <Home />;
    case "face":
      return <Face />;
    case "passes":
      return <Passes />;
    case "consents":
      return <Consents />;
    case "uses":
      return <Uses />;
  }
}

const TABS: readonly { page: Route["page"]; to: string; icon: IconName; name: Key }[] = [
  { page: "home", to: "/", icon: "home", name: "nav.home" },
  { page: "passes", to: "/passes", icon: "pass", name: "nav.passes" },
  { page: "consents", to: "/consents", icon: "consent", name: "nav.consents" },
  { page: "uses", to: "/uses", icon: "uses", name: "nav.uses" },
];

interface FrameProps {
  readonly page: Route["page"];
  readonly signedIn: boolean;
  readonly said: Said | undefined;
  readonly onLanguage: (language: Language) => void;
  readonly children: preact.ComponentChildren;
}

function Frame({ page, signedIn, said, onLanguage, children }: FrameProps) {
  const { t, language, online } = useWallet();
  return (
    <>
      <a class="skip" href="#main">
        {t("app.skip")}
      </a>
      <header class="masthead">
        <Link to="/" class="brand">
          <img src="/icon.svg" alt="" width="32" height="32" />
          <span>{t("app.name")}</span>
        </Link>
        <label class="language">
          <Icon name="globe" />
          <span class="hidden">{t("app.language")}</span>
          <select value={language} onChange={(event) => onLanguage(event.currentTarget.value as Language)}>
            {LANGUAGES.map((each) => (
              <option key={each} value={each} lang={each}>
                {LANGUAGE_NAMES[each]}
              </option>
            ))}
          </select>
        </label>
      </header>
      {!online && <p class="offline" role="status"><Icon name="signal" /> {t("app.offline")}</p>}
      <main id="main">
        {said !== undefined && <Notice key={said.text} tone={said.tone} text={said.text} />}
        {children}
      </main>
      {signedIn && (
        <nav class="tabs" aria-label={t("nav.label")}>
          {TABS.map((tab) => (
            <Link key={tab.page} to={tab.to} current={tab.page === page || (tab.page === "home" && page === "face")}>
              <Icon name={tab.icon} />
              <span>{t(tab.name)}</span>
            </Link>
          ))}
        </nav>
      )}
    </>
  );
}
