/** What every page needs, made once at start. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import { isOffline, Problem } from "./api/problem";
import type { Offer, WalletApi } from "./api/wallet";
import type { Config } from "./config";
import type { Key, Language, Translate } from "./i18n";
import { isKey } from "./i18n";
import { SignedOut, type Tokens } from "./session/tokens";
import type { Database } from "./store/database";

export interface Services {
  readonly config: Config;
  readonly database: Database;
  readonly tokens: Tokens;
  readonly api: WalletApi;
  readonly now: () => number;
}

export interface Wallet extends Services {
  readonly language: Language;
  readonly t: Translate;
  readonly online: boolean;
  /** What just happened: said on the page at `path` (this one unless given) until the person moves on; null takes it back. */
  readonly say: (message: Said | null, path?: string) => void;
  /** Back to the welcome page; `notice` says why. */
  readonly leave: (notice: Key | null) => void;
}

export interface Said {
  readonly tone: "good" | "plain" | "bad";
  readonly text: string;
}

export const WalletContext = createContext<Wallet | null>(null);

export function useWallet(): Wallet {
  const wallet = useContext(WalletContext);
  if (wallet === null) throw new Error("outside the wallet");
  return wallet;
}

/** A failure in the traveller's words. */
export function explain(t: Translate, error: unknown): string {
  if (isOffline(error)) return t("reason.offline");
  if (!(error instanceof Problem)) return t("reason.unknown");
  const key = `reason.${error.reason}`;
  if (error.reason !== "unknown" && isKey(key)) return t(key);
  if (error.status === 413) return t("reason.too_large");
  return t(error.status === 429 || error.status >= 500 ? "reason.busy" : "reason.unknown");
}

export type Resource<T> =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly value: T }
  | { readonly state: "failed"; readonly why: string };

/** Loads when the page opens and when `deps` change. A session that ended leads to the welcome page. */
export function useResource<T>(load: () => Promise<T>, deps: readonly unknown[]): [Resource<T>, () => void] {
  const wallet = useWallet();
  const [resource, setResource] = useState<Resource<T>>({ state: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => wanted && setResource({ state: "ready", value }),
      (error: unknown) => {
        if (!wanted) return;
        if (error instanceof SignedOut) wallet.leave("welcome.expired");
        else setResource({ state: "failed", why: explain(wallet.t, error) });
      },
    );
    return () => {
      wanted = false;
    };
  }, [...deps, attempt]);
  return [resource, useCallback(() => setAttempt((n) => n + 1), [])];
}

/** Runs something the person asked for: one at a time, with its failure in words. */
export function useAction(): { busy: boolean; why: string | null; run: (action: () => Promise<void>) => Promise<void>; clear: () => void } {
  const wallet = useWallet();
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState<string | null>(null);
  const run = async (action: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setWhy(null);
    try {
      await action();
    } catch (error) {
      if (error instanceof SignedOut) wallet.leave("welcome.expired");
      else setWhy(explain(wallet.t, error));
    } finally {
      setBusy(false);
    }
  };
  return { busy, why, run, clear: () => setWhy(null) };
}

/** Purposes and zones; zone names are kept so that a stored pass can name its port offline. */
export async function loadOffer({ api, database, language }: Wallet): Promise<Offer> {
  const offer = await api.offer(language);
  await database.put("names", new Map(offer.zones.map(({ zone, name }) => [zone, name])), "zones");
  return offer;
}

export async function zoneNames(database: Database): Promise<(zone: string) => string> {
  const names = await database.get("names", "zones");
  return (zone) => names?.get(zone) ?? zone;
}
