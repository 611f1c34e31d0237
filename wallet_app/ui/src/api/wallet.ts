/** The broker's wallet API (specs/wallet.md section 4). Every method raises Problem, SignedOut, UnexpectedAnswer, or TypeError offline. */
import { clockError } from "../clock";
import type { Tokens } from "../session/tokens";
import type { Mode } from "../store/database";
import { problemOf, UnexpectedAnswer } from "./problem";
import { flag, list, oneOf, optional, type Read, record, text, time } from "./shape";

export interface Me {
  readonly traveller: string;
  readonly provider: string;
  readonly enrolled: boolean;
  readonly name: string | null;
}

export interface Purpose {
  readonly purpose: string;
  readonly title: string;
  readonly description: string;
  readonly per_zone: boolean;
}

export interface Zone {
  readonly zone: string;
  readonly name: string;
  readonly controller: string;
}

export interface Offer {
  readonly purposes: readonly Purpose[];
  readonly zones: readonly Zone[];
}

export interface Consent {
  readonly consent_id: string;
  /** For travel, or for a partner agency. */
  readonly kind: "travel" | "partner";
  readonly purpose: string;
  readonly title: string;
  readonly zone: string | null;
  readonly recipient: string;
  /** What may be used, how often and how long it is kept, in the language asked for. */
  readonly categories: readonly string[];
  readonly frequency: string | null;
  readonly retention: string | null;
  readonly status: "active" | "paused" | "withdrawn" | "expired";
  readonly given_at: number;
  readonly valid_until: number;
  readonly settled_at: number | null;
  readonly latest_offline_effect: number | null;
}

export interface Withdrawal {
  /** When the last gate that is cut off from the network stops accepting a pass; null when none could. */
  readonly latest_offline_effect: number | null;
}

export interface MintedPass {
  readonly pass_id: string;
  readonly pass: string;
  readonly sealed_template: string | null;
  readonly expires_at: number;
}

export interface Minting {
  readonly passes: readonly MintedPass[];
  /** What this phone's clock lacks, in milliseconds (`clockError`). */
  readonly clockOffset: number;
}

export interface Use {
  readonly at: number;
  readonly kind: string;
  readonly purpose: string | null;
  readonly zone: string | null;
  readonly recipient: string | null;
  readonly decision: string | null;
  readonly reasons: readonly string[] | null;
  readonly title: string | null;
  /** Nothing left: for now, or at all; `why` are sentences in the language asked for, `review` a page of the broker. */
  readonly against: "held" | "declined" | null;
  readonly why: readonly string[] | null;
  readonly review: string | null;
}

const me = record<Me>({ traveller: text, provider: text, enrolled: flag, name: optional(text) });
const purpose = record<Purpose>({ purpose: text, title: text, description: text, per_zone: flag });
const zone = record<Zone>({ zone: text, name: text, controller: text });
const offer = record<Offer>({ purposes: list(purpose), zones: list(zone) });
const consent = record<Consent>({
  consent_id: text,
  kind: oneOf("travel", "partner"),
  purpose: text,
  title: text,
  zone: optional(text),
  recipient: text,
  categories: list(text),
  frequency: optional(text),
  retention: optional(text),
  status: oneOf("active", "paused", "withdrawn", "expired"),
  given_at: time,
  valid_until: time,
  settled_at: optional(time),
  latest_offline_effect: optional(time),
});
const withdrawal = record<Withdrawal>({ latest_offline_effect: optional(time) });
const minted = record<MintedPass>({ pass_id: text, pass: text, sealed_template: optional(text), expires_at: time });
const use = record<Use>({
  at: time,
  kind: text,
  purpose: optional(text),
  zone: optional(text),
  recipient: optional(text),
  decision: optional(text),
  reasons: optional(list(text)),
  title: optional(text),
  against: optional(oneOf("held", "declined")),
  why: optional(list(text)),
  review: optional(text),
});

export class WalletApi {
  constructor(private readonly tokens: Tokens) {}

  me(): Promise<Me> {
    return this.read("GET", "me", me);
  }

  offer(language: string): Promise<Offer> {
    return this.read("GET", `purposes?lang=${language}`, offer);
  }

  async consents(language: string): Promise<readonly Consent[]> {
    return (await this.read("GET", `consents?lang=${language}`, record({ consents: list(consent) }))).consents;
  }

  withdraw(consentId: string): Promise<Withdrawal> {
    return this.read("POST", `consents/${encodeURIComponent(consentId)}/withdraw`, withdrawal);
  }

  /** Nothing is released while it is paused; passes that rest on it are revoked. */
  pause(consentId: string): Promise<Withdrawal> {
    return this.read("POST", `consents/${encodeURIComponent(consentId)}/pause`, withdrawal);
  }

  async resume(consentId: string): Promise<void> {
    await this.read("POST", `consents/${encodeURIComponent(consentId)}/resume`, record({}));
  }

  /** `photo`: JPEG or PNG, at most 8 MB. */
  async enrol(photo: Blob): Promise<void> {
    const bytes = new Uint8Array(await photo.arrayBuffer());
    await this.send("POST", "enrolment", bytes, { "content-type": photo.type });
  }

  /** Withdraws the consent to enrolment too. */
  eraseFace(): Promise<Withdrawal> {
    return this.read("DELETE", "enrolment", withdrawal);
  }

  /** The address of the certificate's page at the broker: told this once, and known to nobody else. */
  async eraseAccount(): Promise<string> {
    const { certificate } = await this.read("DELETE", "account", record({ certificate: text }));
    return certificate;
  }

  /** `deviceKeys`: base64url of uncompressed points, one pass each. */
  async mint(zoneId: string, mode: Mode, deviceKeys: readonly string[], now: () => number): Promise<Minting> {
    const asked = now();
    const body = JSON.stringify({ zone: zoneId, mode, device_keys: deviceKeys });
    const response = await this.send("POST", "passes", body, { "content-type": "application/json" });
    const clockOffset = clockError(response, asked, now());
    const { passes } = await parse(response, record({ passes: list(minted) }));
    return { passes, clockOffset };
  }

  async revoke(passId: string): Promise<void> {
    await this.send("POST", `passes/${encodeURIComponent(passId)}/revoke`);
  }

  async uses(language: string): Promise<readonly Use[]> {
    return (await this.read("GET", `uses?lang=${language}`, record({ uses: list(use) }))).uses;
  }

  private async send(method: string, path: string, body: string | Uint8Array<ArrayBuffer> | null = null, headers: Record<string, string> = {}): Promise<Response> {
    const response = await this.tokens.fetch(method, `/wallet/v1/${path}`, body, headers);
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  private async read<T>(method: string, path: string, shape: Read<T>): Promise<T> {
    return parse(await this.send(method, path), shape);
  }
}

async function parse<T>(response: Response, shape: Read<T>): Promise<T> {
  let json: unknown;
  try {
    json = await response.json();
  } catch (cause) {
    throw new UnexpectedAnswer("not JSON", { cause });
  }
  return shape(json, new URL(response.url || "about:blank").pathname);
}
