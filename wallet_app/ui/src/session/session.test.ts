import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { problemOf } from "../api/problem";
import { type Database, openDatabase } from "../store/database";
import { FakeBroker, ISSUER, json } from "../testing/fake-broker";
import { finishLogin, LoginFailed, startLogin } from "./login";
import { FRESH_LOGIN, SignedOut, Tokens } from "./tokens";

const config = { broker: ISSUER, clientId: "tongguan-wallet" };
const ask = { origin: "https://wallet.example", language: "pt", returnTo: "/passes" };

let broker: FakeBroker;
let database: Database;
let clock: number;
let names = 0;

beforeEach(async () => {
  broker = new FakeBroker();
  clock = 1_800_000_000_000;
  names += 1;
  database = await openDatabase(`test-${names}`);
  vi.stubGlobal("fetch", broker.fetch);
  vi.stubGlobal("navigator", { locks: { request: (_: string, run: () => unknown) => run() } });
});
afterEach(() => {
  vi.unstubAllGlobals();
  database.close();
});

const now = (): number => clock;

async function logIn(): Promise<string> {
  return finishLogin(config, database, broker.callback(await startLogin(config, database, { ...ask, now })), now);
}

const tokens = (): Tokens => new Tokens(config, database, now);

describe("login", () => {
  test("ends with tokens and where the person wanted to go", async () => {
    expect(await logIn()).toBe("/passes");
    expect(await database.get("session", "current")).toEqual({
      subject: "traveller-1",
      accessToken: "access-1",
      expiresAt: clock + 300_000,
      refreshToken: "refresh-1",
    });
    expect(await database.count("logins")).toBe(0);
  });

  test("binds everything to a key that cannot be exported", async () => {
    await logIn();
    const pair = await database.get("keys", "dpop");
    expect(pair?.privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey("jwk", pair?.privateKey as CryptoKey)).rejects.toThrow();
  });

  test("proofs follow the broker's clock when the phone's is wrong", async () => {
    vi.spyOn(Date, "now").mockReturnValue(clock);
    broker.date = new Date(clock - 600_000);
    await startLogin(config, database, { ...ask, now });
    expect(broker.proofTimes.map((time) => Math.abs(time - (clock / 1000 - 600)))).toSatisfy((off: number[]) => off.every((each) => each <= 1));
    vi.restoreAllMocks();
  });

  test("an answer counts once", async () => {
    const callback = broker.callback(await startLogin(config, database, { ...ask, now }));
    await finishLogin(config, database, callback, now);
    await expect(finishLogin(config, database, callback, now)).rejects.toMatchObject({ code: "unknown_state" });
  });

  test("an answer to nobody's question is refused before the broker is asked", async () => {
    const callback = new URL(`https://wallet.example/callback?code=stolen&state=foreign&iss=${ISSUER}`);
    await expect(finishLogin(config, database, callback, now)).rejects.toMatchObject({ code: "unknown_state" });
    expect(broker.seen).toEqual([]);
  });

  test("an answer that took too long is refused", async () => {
    const callback = broker.callback(await startLogin(config, database, { ...ask, now }));
    await expect(finishLogin(config, database, callback, () => clock + 31 * 60_000)).rejects.toBeInstanceOf(LoginFailed);
  });

  test("an answer of another issuer is refused (RFC 9207)", async () => {
    const callback = broker.callback(await startLogin(config, database, { ...ask, now }));
    callback.searchParams.set("iss", "https://evil.example");
    await expect(finishLogin(config, database, callback, now)).rejects.toMatchObject({ code: "failed" });
    expect(broker.seen).not.toContain("POST /oauth/token");
  });

  test("the person's no is told from a failure", async () => {
    const callback = broker.callback(await startLogin(config, database, { ...ask, now }));
    callback.searchParams.delete("code");
    callback.searchParams.set("error", "access_denied");
    await expect(finishLogin(config, database, callback, now)).rejects.toMatchObject({ code: "access_denied" });
  });

  test("an ID token for another login is refused", async () => {
    broker.idTokenNonce = "other";
    await expect(logIn()).rejects.toMatchObject({ code: "failed" });
  });

  test("an unbound token is refused", async () => {
    broker.tokenType = "Bearer";
    await expect(logIn()).rejects.toMatchObject({ code: "failed" });
    expect(await database.count("session")).toBe(0);
  });

  test("another person's passes go, one's own stay", async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const pass = { zone: "HK-SZB", mode: "online", pass: new Uint8Array(1), sealed: null, expiresAt: 0, key: privateKey, clockOffset: 0 } as const;
    await database.put("passes", { ...pass, passId: "mine", owner: "traveller-1" });
    await database.put("passes", { ...pass, passId: "theirs", owner: "traveller-2" });
    await logIn();
    expect(await database.getAllKeys("passes")).toEqual(["mine"]);
  });
});

describe("calls with the session", () => {
  beforeEach(async () => {
    broker.answers.set("GET /wallet/v1/me", () => json({ ok: true }));
    await logIn();
  });

  test("carry token and proof, with the server's nonce", async () => {
    expect((await tokens().fetch("GET", "/wallet/v1/me")).status).toBe(200);
  });

  test("renew the token when it is about to end", async () => {
    clock += 290_000;
    await tokens().fetch("GET", "/wallet/v1/me");
    expect(await database.get("session", "current")).toMatchObject({ accessToken: "access-2", refreshToken: "refresh-2" });
  });

  test("renew once when the token is refused early", async () => {
    broker.expireAccess();
    expect((await tokens().fetch("GET", "/wallet/v1/me")).status).toBe(200);
    expect(broker.accepted).toBe("access-2");
  });

  test("a fresher login that is wanted is said, and ends no session", async () => {
    const challenge = { "WWW-Authenticate": 'DPoP error="insufficient_user_authentication", max_age="300"' };
    const body = { type: "about:blank", detail: "", error: "insufficient_user_authentication" };
    broker.answers.set("DELETE /wallet/v1/account", () => json(body, 401, challenge));
    const refused = await tokens().fetch("DELETE", "/wallet/v1/account");
    expect(await problemOf(refused)).toMatchObject({ status: 401, reason: FRESH_LOGIN });
    expect(await database.get("session", "current")).toMatchObject({ accessToken: "access-1" });
    await startLogin(config, database, { ...ask, now, fresh: true });
    expect(broker.prompts).toEqual([null, "login"]);
  });

  test("say that the session ended, and keep the passes", async () => {
    broker.endSession();
    await expect(tokens().fetch("GET", "/wallet/v1/me")).rejects.toBeInstanceOf(SignedOut);
    expect(await tokens().isSignedIn()).toBe(false);
    await expect(tokens().fetch("GET", "/wallet/v1/me")).rejects.toBeInstanceOf(SignedOut);
  });

  test("leave the session alone when the network fails", async () => {
    const calls = tokens();
    broker.down = true;
    await expect(calls.fetch("GET", "/wallet/v1/me")).rejects.toBeInstanceOf(TypeError);
    clock += 290_000;
    await expect(calls.fetch("GET", "/wallet/v1/me")).rejects.toBeInstanceOf(TypeError);
    broker.down = false;
    expect((await calls.fetch("GET", "/wallet/v1/me")).status).toBe(200);
  });

  test("after signing out, the next login asks who is there, until one succeeds", async () => {
    expect(broker.prompts).toEqual([null]);
    await tokens().signOut();
    await startLogin(config, database, { ...ask, now });
    await logIn();
    await logIn();
    expect(broker.prompts).toEqual([null, "login", "login", null]);
  });

  test("a session that merely ended is taken up again without asking", async () => {
    broker.endSession();
    await expect(tokens().fetch("GET", "/wallet/v1/me")).rejects.toBeInstanceOf(SignedOut);
    await logIn();
    expect(broker.prompts).toEqual([null, null]);
  });

  test("a wallet from before this mark keeps what it had", async () => {
    const old = await openDB("older", 1, {
      upgrade(made) {
        for (const store of ["keys", "session", "logins", "names"]) made.createObjectStore(store);
        made.createObjectStore("device_keys", { autoIncrement: true });
        made.createObjectStore("passes", { keyPath: "passId" });
      },
    });
    await old.put("names", new Map([["HK-SZB", "Shenzhen Bay"]]), "zones");
    old.close();
    const opened = await openDatabase("older");
    expect((await opened.get("names", "zones"))?.get("HK-SZB")).toBe("Shenzhen Bay");
    expect(await opened.count("signed_out")).toBe(0);
    opened.close();
  });

  test("signing out revokes and forgets everything, even offline", async () => {
    await tokens().signOut();
    expect(broker.revoked).toEqual(["refresh-1"]);
    for (const store of ["keys", "session", "passes", "device_keys"] as const) expect(await database.count(store)).toBe(0);
    await logIn();
    broker.down = true;
    await tokens().signOut();
    expect(await database.count("keys")).toBe(0);
  });
});
