/** Using the session: calls to the wallet API with the bound token, renewing it when needed, and ending it. */
import * as oauth from "oauth4webapi";
import type { Config } from "../config";
import { type Database, forgetAll, type Session } from "../store/database";
import { type Broker, connect, withNonce } from "./broker";
import { sessionOf } from "./login";

/** The session has ended: the person logs in again. */
export class SignedOut extends Error {
  override readonly name = "SignedOut";
}

/** Renew this long before the token ends, in milliseconds. */
const MARGIN = 20_000;

/** The `error` of RFC 9470 3. */
export const FRESH_LOGIN = "insufficient_user_authentication";

function wantsLogin(response: Response): boolean {
  return response.headers.get("www-authenticate")?.includes(`error="${FRESH_LOGIN}"`) ?? false;
}

export class Tokens {
  private connection: Promise<Broker> | undefined;

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly now: () => number,
  ) {}

  /** One request to the broker's API. Raises SignedOut, or TypeError when the network fails. */
  async fetch(method: string, path: string, body: string | Uint8Array<ArrayBuffer> | null = null, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const url = new URL(path, this.config.broker);
    const send = async (session: Session): Promise<Response> => {
      const broker = await this.broker();
      try {
        return await withNonce(() =>
          oauth.protectedResourceRequest(session.accessToken, method, url, new Headers(headers), body, {
            DPoP: broker.dpop,
            ...broker.transport,
          }),
        );
      } catch (error) {
        if (error instanceof oauth.WWWAuthenticateChallengeError) return error.response;
        throw error;
      }
    };
    const first = await send(await this.current());
    // A fresher login is wanted (RFC 9470): no renewal brings one, and the session is sound.
    if (first.status !== 401 || wantsLogin(first)) return first;
    // Refused before its time: the token may have ended, or the phone's clock been set. One renewal by the broker's clock, one more try.
    this.connection = undefined;
    const second = await send(await this.current({ renew: true }));
    if (second.status !== 401 || wantsLogin(second)) return second;
    await this.drop();
    throw new SignedOut();
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.database.get("session", "current")) !== undefined;
  }

  /** Revokes the tokens when the broker can be reached, and forgets everything on this phone in any case. */
  async signOut(): Promise<void> {
    const session = await this.database.get("session", "current");
    try {
      if (session !== undefined) {
        const { server, client, transport } = await this.broker();
        const token = session.refreshToken ?? session.accessToken;
        await oauth.revocationRequest(server, client, oauth.None(), token, transport);
      }
    } catch {
      // Unreachable: the tokens end by themselves, and the key they are bound to is destroyed here.
    }
    this.connection = undefined;
    await forgetAll(this.database);
  }

  private broker(): Promise<Broker> {
    this.connection ??= connect(this.config, this.database, this.now).catch((error: unknown) => {
      this.connection = undefined;
      throw error;
    });
    return this.connection;
  }

  /** Under a lock shared by all tabs: a refresh token may be used once. */
  private async current({ renew = false } = {}): Promise<Session> {
    return navigator.locks.request("tongguan-session", async () => {
      const session = await this.database.get("session", "current");
      if (session === undefined) throw new SignedOut();
      if (!renew && session.expiresAt - MARGIN > this.now()) return session;
      return this.refresh(session);
    });
  }

  private async refresh(session: Session): Promise<Session> {
    const { refreshToken } = session;
    if (refreshToken === null) {
      await this.drop();
      throw new SignedOut();
    }
    const { server, client, dpop, transport } = await this.broker();
    try {
      const result = await withNonce(async () => {
        const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken, { DPoP: dpop, ...transport });
        return oauth.processRefreshTokenResponse(server, client, response);
      });
      const renewed = sessionOf({ ...result, refresh_token: result.refresh_token ?? refreshToken }, session.subject, this.now());
      await this.database.put("session", renewed, "current");
      return renewed;
    } catch (error) {
      if (!(error instanceof oauth.ResponseBodyError)) throw error;
      await this.drop();
      throw new SignedOut(undefined, { cause: error });
    }
  }

  /** Ends the session but keeps the passes: an offline pass outlives a login. */
  private async drop(): Promise<void> {
    await this.database.delete("session", "current");
  }
}
