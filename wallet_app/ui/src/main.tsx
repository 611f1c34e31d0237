import { render } from "preact";
import { WalletApi } from "./api/wallet";
import { App } from "./app";
import { loadConfig } from "./config";
import { preferredLanguage, storedLanguage, translator } from "./i18n";
import { Tokens } from "./session/tokens";
import { openDatabase } from "./store/database";
import "./styles.css";
import { registerWorker } from "./sw/register";

const now = (): number => Date.now();

async function start(root: HTMLElement): Promise<void> {
  const [config, database] = await Promise.all([loadConfig(), openDatabase()]);
  const tokens = new Tokens(config, database, now);
  const services = { config, database, tokens, api: new WalletApi(tokens), now };
  render(<App services={services} startsSignedIn={await tokens.isSignedIn()} />, root);
  await registerWorker();
}

const root = document.getElementById("app");
if (root === null) throw new Error("index.html lost its root");
start(root).catch((error: unknown) => {
  console.error("start", error);
  const t = translator(preferredLanguage(storedLanguage(), navigator.languages));
  render(<p role="alert">{t("reason.unknown")}</p>, root);
});
