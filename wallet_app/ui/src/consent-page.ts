/** The way to the consent page and back. Consent is given only at the broker's own origin; the wallet starts it and shows the result. */
import type { Config } from "./config";
import type { Language } from "./i18n";

const NEXT = "tongguan.after-consent";

/** `traveller` is the person's pseudonym as the wallet knows it: whoever is logged in at the broker must be the same person. */
export interface Question {
  readonly purpose: string;
  readonly zone: string | null;
  readonly traveller: string;
  readonly language: Language;
}

export function consentAddress(config: Config, origin: string, ask: Question): string {
  const url = new URL("/consent", config.broker);
  url.searchParams.set("purpose", ask.purpose);
  if (ask.zone !== null) url.searchParams.set("zone", ask.zone);
  url.searchParams.set("traveller", ask.traveller);
  url.searchParams.set("return_to", `${origin}/consents`);
  url.searchParams.set("lang", ask.language);
  return url.href;
}

/** Goes there; `next` is the wallet's page to open once agreed. */
export function askConsent(config: Config, ask: Question & { readonly next: string }): void {
  sessionStorage.setItem(NEXT, ask.next);
  location.assign(consentAddress(config, location.origin, ask));
}

export interface ConsentResult {
  readonly given: boolean;
  readonly next: string;
}

/** Reads what the consent page said on the way back; null on an ordinary visit. */
export function consentResult(search: string): ConsentResult | null {
  const answer = new URLSearchParams(search).get("consent");
  if (answer === null) return null;
  const given = answer !== "denied";
  const next = sessionStorage.getItem(NEXT);
  sessionStorage.removeItem(NEXT);
  return { given, next: given && next !== null ? next : "/consents" };
}
