/** The broker as OAuth authorization server, seen by a public client (RFC 6749, 7636, 9126, 9207, 9449) through oauth4webapi. */
import * as oauth from "oauth4webapi";
import { clockError } from "../clock";
import { type Config, isLoopback } from "../config";
import type { Database } from "../store/database";

export interface Transport {
  readonly [oauth.allowInsecureRequests]: boolean;
}

export interface Broker {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly dpop: oauth.DPoPHandle;
  readonly transport: Transport;
}

/** Discovers the broker and loads the DPoP key. Raises on an unreachable broker or metadata of another issuer. */
export async function connect(config: Config, database: Database, now: () => number): Promise<Broker> {
  const issuer = new URL(config.broker);
  // Plain HTTP on loopback only: `loadConfig` has refused every other plain address.
  const transport = { [oauth.allowInsecureRequests]: isLoopback(issuer) };
  const asked = now();
  const response = await oauth.discoveryRequest(issuer, { ...transport, [oauth.customFetch]: fetchFresh });
  const skew = clockError(response, asked, now());
  const server = await oauth.processDiscoveryResponse(issuer, response);
  // DPoP proofs and ID tokens are timed: by the broker's clock, so that a phone with a wrong one can log in all the same.
  const client: oauth.Client = { client_id: config.clientId, [oauth.clockSkew]: Math.round(skew / 1000) };
  return { server, client, dpop: oauth.DPoP(client, await dpopKey(database)), transport };
}

/** Past the browser's cache: a kept answer would tell the time of yesterday. */
const fetchFresh = (url: string, options: oauth.CustomFetchOptions<"GET">): Promise<Response> =>
  fetch(url, { ...options, body: null, cache: "no-store" });

/** The key that tokens are bound to: made once per session, non-extractable. */
export async function dpopKey(database: Database): Promise<CryptoKeyPair> {
  const kept = await database.get("keys", "dpop");
  if (kept !== undefined) return kept;
  const made = await oauth.generateKeyPair("ES256", { extractable: false });
  await database.put("keys", made, "dpop");
  return made;
}

/** Runs `attempt`, and once more when the server only wanted a fresh DPoP nonce (RFC 9449 section 8); the handle has it by then. */
export async function withNonce<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return attempt();
  }
}
