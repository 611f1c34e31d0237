/** Logging in: authorization code with PKCE (RFC 7636), pushed when the broker offers it (RFC 9126), tokens bound by DPoP (RFC 9449). */
import * as oauth from "oauth4webapi";
import type { Config } from "../config";
import type { Database, Session } from "../store/database";
import { type Broker, connect, withNonce } from "./broker";

const SCOPE = "openid wallet";
/** A login older than this is abandoned, in milliseconds. */
const PATIENCE = 30 * 60_000;

export class LoginFailed extends Error {
  override readonly name = "LoginFailed";
  /** `code` is the OAuth error, or one of ours. */
  constructor(readonly code: "access_denied" | "unknown_state" | "failed", cause?: unknown) {
    super(code, { cause });
  }
}

export function redirectUri(origin: string): string {
  return `${origin}/callback`;
}

/** Prepares a login and returns the address at the broker to go to. `fresh`: whatever session the broker still holds. */
export async function startLogin(
  config: Config,
  database: Database,
  { origin, language, returnTo, now, fresh = false }: { origin: string; language: string; returnTo: string; now: () => number; fresh?: boolean },
): Promise<URL> {
  const broker = await connect(config, database, now);
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = oauth.generateRandomNonce();
  const parameters = new URLSearchParams({
    client_id: config.clientId,
    response_type: "code",
    redirect_uri: redirectUri(origin),
    scope: SCOPE,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    dpop_jkt: await broker.dpop.calculateThumbprint(),
    ui_locales: language,
  });
  // Somebody left: the broker must not answer for them out of a session it may still hold.
  if (fresh || (await database.count("signed_out")) > 0) parameters.set("prompt", "login");
  await database.put("logins", { verifier, nonce, returnTo, startedAt: now() }, state);
  const endpoint = broker.server.authorization_endpoint;
  if (endpoint === undefined) throw new LoginFailed("failed", "no authorization endpoint");
  const url = new URL(endpoint);
  url.search = (await pushed(broker, parameters)).toString();
  return url;
}

async function pushed(broker: Broker, parameters: URLSearchParams): Promise<URLSearchParams> {
  const { server, client, dpop, transport } = broker;
  if (server.pushed_authorization_request_endpoint === undefined) return parameters;
  const { request_uri } = await withNonce(async () => {
    const response = await oauth.pushedAuthorizationRequest(server, client, oauth.None(), parameters, { DPoP: dpop, ...transport });
    return oauth.processPushedAuthorizationResponse(server, client, response);
  });
  return new URLSearchParams({ client_id: client.client_id, request_uri });
}

/** Redeems the answer at `callback` once. Returns where the person wanted to go. Raises LoginFailed. */
export async function finishLogin(config: Config, database: Database, callback: URL, now: () => number): Promise<string> {
  const state = callback.searchParams.get("state") ?? "";
  const pending = await database.get("logins", state);
  await database.delete("logins", state);
  if (pending === undefined || now() - pending.startedAt > PATIENCE) throw new LoginFailed("unknown_state");
  const broker = await connect(config, database, now);
  const session = await redeem(broker, callback, { state, ...pending }, now());
  // Passes belong to the person who minted them: another person on this phone must not show them.
  for (const pass of await database.getAll("passes")) {
    if (pass.owner !== session.subject) await database.delete("passes", pass.passId);
  }
  await database.put("session", session, "current");
  await database.clear("signed_out");
  return pending.returnTo;
}

async function redeem(
  { server, client, dpop, transport }: Broker,
  callback: URL,
  login: { state: string; verifier: string; nonce: string },
  at: number,
): Promise<Session> {
  try {
    // (1) state and issuer (RFC 9207), or the broker's refusal
    const parameters = oauth.validateAuthResponse(server, client, callback, login.state);
    // (2) code for tokens; (3) ID token: issuer, audience, nonce, times (OpenID Connect Core 3.1.3.7)
    const result = await withNonce(async () => {
      const redirect = redirectUri(callback.origin);
      const response = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirect, login.verifier, {
        DPoP: dpop,
        ...transport,
      });
      return oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: login.nonce, requireIdToken: true });
    });
    // (4) a token that is not bound to our key is not accepted
    if (result.token_type !== "dpop") throw new LoginFailed("failed", `token type ${result.token_type}`);
    return sessionOf(result, oauth.getValidatedIdTokenClaims(result)?.sub ?? "", at);
  } catch (error) {
    if (error instanceof LoginFailed) throw error;
    const denied = error instanceof oauth.AuthorizationResponseError && error.error === "access_denied";
    throw new LoginFailed(denied ? "access_denied" : "failed", error);
  }
}

export function sessionOf(result: oauth.TokenEndpointResponse, subject: string, at: number): Session {
  return {
    subject,
    accessToken: result.access_token,
    expiresAt: at + (result.expires_in ?? 60) * 1000,
    refreshToken: result.refresh_token ?? null,
  };
}
