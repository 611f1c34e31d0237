/**
 * A broker in one function: discovery, pushed requests, tokens, revocation and one resource, with the checks that a wallet's
 * behaviour hangs on: a DPoP nonce at every endpoint, PKCE, one use of each code and refresh token.
 */
import { toBase64Url } from "../wire/bytes";

export const ISSUER = "https://broker.example";
const NONCE = "nonce-1";

interface Proof {
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  readonly nonce?: string;
  readonly ath?: string;
}

export class FakeBroker {
  /** Every request as "METHOD path". */
  readonly seen: string[] = [];
  readonly revoked: string[] = [];
  /** `prompt` of every pushed request. */
  readonly prompts: (string | null)[] = [];
  /** `iat` of every DPoP proof, in seconds. */
  readonly proofTimes: number[] = [];
  /** The `Date` of discovery, when it is to be told. */
  date: Date | null = null;
  /** Answers for the wallet API by "METHOD path". */
  readonly answers = new Map<string, (body: string) => Response>();
  tokenType = "DPoP";
  idTokenNonce: string | null = null;
  down = false;
  /** The access token that resources accept now. */
  accepted = "";
  private pushed = new URLSearchParams();
  private code: string | null = null;
  private refresh: string | null = null;
  private count = 0;

  /** What the person does at the broker: log in and be sent back. */
  callback(authorization: URL): URL {
    if (authorization.searchParams.get("request_uri") !== "urn:pushed:1") throw new Error("not pushed");
    const { redirect_uri: redirect = "", state = "" } = Object.fromEntries(this.pushed);
    this.code = "code-1";
    const url = new URL(redirect);
    url.search = new URLSearchParams({ code: this.code, state, iss: ISSUER }).toString();
    return url;
  }

  expireAccess(): void {
    this.accepted = "none";
  }

  endSession(): void {
    this.accepted = "none";
    this.refresh = null;
  }

  readonly fetch = async (target: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (this.down) throw new TypeError("Failed to fetch");
    const request = new Request(target, init);
    const { pathname, search } = new URL(request.url);
    this.seen.push(`${request.method} ${pathname}${search}`);
    if (pathname === "/.well-known/openid-configuration") {
      return json(metadata(), 200, this.date === null ? {} : { date: this.date.toUTCString() });
    }
    const body = await request.text();
    const form = new URLSearchParams(body);
    if (pathname === "/oauth/revoke") {
      this.revoked.push(form.get("token") ?? "");
      return new Response(null, { status: 200 });
    }
    const proof = readProof(request);
    this.proofTimes.push(proof.iat);
    if (proof.nonce !== NONCE) {
      const resource = pathname.startsWith("/wallet/");
      const headers = { "DPoP-Nonce": NONCE, ...(resource ? { "WWW-Authenticate": 'DPoP error="use_dpop_nonce"' } : {}) };
      return json({ error: "use_dpop_nonce" }, resource ? 401 : 400, headers);
    }
    if (pathname === "/oauth/par") {
      this.pushed = form;
      this.prompts.push(form.get("prompt"));
      return json({ request_uri: "urn:pushed:1", expires_in: 60 }, 201);
    }
    if (pathname === "/oauth/token") return this.token(form);
    if (request.headers.get("authorization") !== `DPoP ${this.accepted}` || proof.ath === undefined) {
      return json({ title: "no" }, 401, { "WWW-Authenticate": 'DPoP error="invalid_token"' });
    }
    return this.answers.get(`${request.method} ${pathname}`)?.(body) ?? json({ type: "urn:tongguan:problem:not-found" }, 404);
  };

  private async token(form: URLSearchParams): Promise<Response> {
    const known = form.get("grant_type") === "refresh_token" ? await this.knowsRefresh(form) : await this.knowsCode(form);
    if (!known) return json({ error: "invalid_grant" }, 400);
    this.count += 1;
    this.accepted = `access-${this.count}`;
    this.refresh = `refresh-${this.count}`;
    const nonce = this.idTokenNonce ?? this.pushed.get("nonce") ?? "";
    return json({
      access_token: this.accepted,
      token_type: this.tokenType,
      expires_in: 300,
      refresh_token: this.refresh,
      id_token: idToken({ nonce }),
    });
  }

  private async knowsRefresh(form: URLSearchParams): Promise<boolean> {
    return this.refresh !== null && form.get("refresh_token") === this.refresh;
  }

  private async knowsCode(form: URLSearchParams): Promise<boolean> {
    const verifier = new TextEncoder().encode(form.get("code_verifier") ?? "");
    const challenge = toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", verifier)));
    const known = this.code !== null && form.get("code") === this.code && challenge === this.pushed.get("code_challenge");
    this.code = null;
    return known;
  }
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

function readProof(request: Request): Proof {
  const proof = JSON.parse(atob((request.headers.get("dpop") ?? "").split(".")[1] ?? "")) as Proof;
  const url = new URL(request.url);
  if (proof.htm !== request.method || proof.htu !== url.origin + url.pathname) throw new Error("a proof for another request");
  return proof;
}

function metadata(): Record<string, unknown> {
  return {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/oauth/authorize`,
    pushed_authorization_request_endpoint: `${ISSUER}/oauth/par`,
    token_endpoint: `${ISSUER}/oauth/token`,
    revocation_endpoint: `${ISSUER}/oauth/revoke`,
    authorization_response_iss_parameter_supported: true,
    id_token_signing_alg_values_supported: ["ES256"],
  };
}

function idToken({ nonce }: { nonce: string }): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, aud: "tongguan-wallet", sub: "traveller-1", iat: now, exp: now + 300, nonce };
  const part = (value: unknown): string => toBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  // Received straight from the token endpoint over TLS: the signature is the broker's own business (OpenID Connect Core 3.1.3.7).
  return `${part({ alg: "ES256" })}.${part(claims)}.${toBase64Url(new Uint8Array(64))}`;
}
