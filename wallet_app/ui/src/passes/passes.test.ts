import "fake-indexeddb/auto";
import decodeQR from "qr/decode.js";
import { beforeEach, describe, expect, test } from "vitest";
import { UnexpectedAnswer } from "../api/problem";
import type { MintedPass, WalletApi } from "../api/wallet";
import { clockError } from "../clock";
import { type Database, openDatabase } from "../store/database";
import { modulesOf } from "../ui/qr-code";
import { type Bytes, fromBase64Url, toBase64Url } from "../wire/bytes";
import { type Cbor, CborTag, encodeCbor } from "../wire/cbor";
import { proofMessage } from "../wire/device-proof";
import { parseQrText } from "../wire/qr-text";
import { POOL, publicPoint, refill, take } from "./device-keys";
import { gateTime, present } from "./presenter";
import { latestOfflineEffect, live, mint } from "./shelf";

const NOW = 1_800_000_000_000;
let database: Database;
let names = 0;

beforeEach(async () => {
  names += 1;
  database = await openDatabase(`passes-${names}`);
  await database.put("session", { subject: "t", accessToken: "a", expiresAt: NOW, refreshToken: null }, "current");
});

interface Twist {
  readonly zone?: string;
  readonly sealed?: string | null;
  readonly point?: Bytes;
  readonly clockOffset?: number;
  readonly fewer?: boolean;
}

/** Mints as the broker does, except for `twist`. */
function fakeApi(twist: Twist = {}): WalletApi {
  const pass = (zone: string, mode: string, point: Bytes, serial: number): MintedPass => {
    const issued = NOW / 1000;
    const key = new Map<number, Cbor>([[1, 2], [-1, 1], [-2, point.slice(1, 33)], [-3, ((point[64] ?? 0) & 1) === 1]]);
    const claims = new Map<number, Cbor>([
      [3, twist.zone ?? zone], [4, issued + 600], [5, issued], [6, issued], [7, new Uint8Array(16).fill(serial)], [8, new Map([[1, key]])],
    ]);
    const signed = new CborTag(18, [new Uint8Array(13), new Map(), encodeCbor(claims), new Uint8Array(64)]);
    const sealed = twist.sealed === undefined ? (mode === "offline" ? toBase64Url(new Uint8Array(180)) : null) : twist.sealed;
    return { pass_id: `p${serial}`, pass: toBase64Url(encodeCbor(signed)), sealed_template: sealed, expires_at: (issued + 600) * 1000 };
  };
  const api = {
    mint: async (zone: string, mode: string, keys: readonly string[]) => ({
      passes: keys.slice(twist.fewer ? 1 : 0).map((key, serial) => pass(zone, mode, twist.point ?? fromBase64Url(key), serial)),
      clockOffset: twist.clockOffset ?? 0,
    }),
  };
  return api as unknown as WalletApi;
}

const order = { zone: "HK-SZB", mode: "online", count: 1, now: () => NOW } as const;

describe("device keys", () => {
  test("wait ready, cannot be exported, and are never given out twice", async () => {
    await refill(database);
    expect(await database.count("device_keys")).toBe(POOL);
    const first = await take(database, 2);
    const rest = await take(database, POOL);
    const points = await Promise.all([...first, ...rest].map(async (pair) => toBase64Url(await publicPoint(pair))));
    expect(new Set(points).size).toBe(POOL + 2);
    expect(first[0]?.privateKey.extractable).toBe(false);
    expect(await database.count("device_keys")).toBe(0);
  });
});

describe("minting", () => {
  test("keeps passes with their own keys", async () => {
    const passes = await mint(fakeApi(), database, { ...order, mode: "offline", count: 3 });
    expect(passes).toHaveLength(3);
    const kept = await database.getAll("passes");
    expect(kept.map(({ passId, owner, mode, expiresAt }) => ({ passId, owner, mode, expiresAt }))).toEqual(
      ["p0", "p1", "p2"].map((passId) => ({ passId, owner: "t", mode: "offline", expiresAt: NOW + 600_000 })),
    );
  });

  test.each<[string, Twist]>([
    ["another zone", { zone: "MO-HZB" }],
    ["a key that is not ours", { point: Uint8Array.of(4, ...new Uint8Array(64).fill(9)) }],
    ["a template that nobody agreed to", { sealed: toBase64Url(new Uint8Array(180)) }],
    ["fewer than asked for", { fewer: true }],
    ["a template that is no base64url", { sealed: "==" }],
  ])("refuses %s and keeps nothing", async (_, twist) => {
    await expect(mint(fakeApi(twist), database, order)).rejects.toBeInstanceOf(UnexpectedAnswer);
    expect(await database.count("passes")).toBe(0);
  });
});

test("a revoked pass reaches gates that are cut off within the hour, or when it ends", async () => {
  const [online] = await mint(fakeApi(), database, order);
  if (online === undefined) throw new Error("nothing was minted");
  const offline = { ...online, mode: "offline" } as const;
  expect(latestOfflineEffect(online, NOW)).toBeNull();
  expect(latestOfflineEffect({ ...offline, expiresAt: NOW + 86_400_000 }, NOW)).toBe(NOW + 3_600_000);
  expect(latestOfflineEffect(offline, NOW)).toBe(NOW + 600_000);
});

test("expired passes are deleted, by the broker's clock", async () => {
  await mint(fakeApi(), database, order);
  expect(await live(database, NOW + 599_000)).toHaveLength(1);
  expect(await live(database, NOW + 600_000)).toHaveLength(0);
  expect(await database.count("passes")).toBe(0);
});

describe("presenting", () => {
  async function aPass(twist: Twist = {}) {
    const [pass] = await mint(fakeApi(twist), database, order);
    if (pass === undefined) throw new Error("nothing was minted");
    return pass;
  }

  test("signs the current window with the pass's key", async () => {
    const pass = await aPass();
    const { text, until } = await present(pass, NOW + 4_000);
    const shown = parseQrText(text);
    expect(shown.counter).toBe(NOW / 15_000);
    expect(until).toBe(NOW + 15_000);
    expect(shown.pass).toEqual(pass.pass);
    expect(shown.sealed).toBeNull();
    expect(await proofMessage(shown.pass, shown.counter)).toHaveLength(25 + 32 + 8);
  });

  test("follows the broker's clock when the phone's is wrong", async () => {
    const pass = await aPass({ clockOffset: 90_500 });
    expect(gateTime(pass, NOW)).toBe(NOW + 90_500);
    const { text, until } = await present(pass, NOW);
    expect(parseQrText(text).counter).toBe((NOW + 90_000) / 15_000);
    expect(until).toBe(NOW + 14_500);
  });

  test.each([
    ["Tue, 01 Mar 2033 08:00:00 GMT", 90_500],
    ["Tue, 01 Mar 2033 07:58:27 GMT", 0],
    ["yesterday", 0],
    [null, 0],
  ])("the clock's error by a Date of %s is %i ms", (date, error) => {
    const answered = Date.parse("2033-03-01T07:58:30Z");
    const response = new Response(null, date === null ? {} : { headers: { date } });
    expect(clockError(response, answered - 200, answered + 200)).toBe(error);
  });

  test("stops when the pass has expired", async () => {
    await expect(present(await aPass(), NOW + 600_000)).rejects.toBeInstanceOf(RangeError);
  });

  test("keeps four light modules around the code, ISO/IEC 18004 section 9.1", () => {
    const modules = modulesOf(`TG1:${"A".repeat(465)}`);
    expect(modules).toHaveLength(17 + 4 * 13 + 2 * 4);
    const quiet = modules.flatMap((row, y) => row.filter((_, x) => Math.min(x, y, row.length - 1 - x, row.length - 1 - y) < 4));
    expect(quiet).not.toContain(true);
    expect(modules[4]?.slice(4, 11)).toEqual(Array(7).fill(true));
  });

  test("draws a code that reads back", async () => {
    const { text } = await present(await aPass(), NOW);
    const modules = modulesOf(text);
    const scale = 4;
    const side = modules.length * scale;
    const data = new Uint8Array(side * side * 4).fill(255);
    modules.forEach((row, y) =>
      row.forEach((dark, x) => {
        if (!dark) return;
        for (let j = 0; j < scale; j++) {
          const start = ((y * scale + j) * side + x * scale) * 4;
          for (let i = 0; i < scale; i++) data.fill(0, start + 4 * i, start + 4 * i + 3);
        }
      }),
    );
    expect(decodeQR({ width: side, height: side, data })).toBe(text);
  });
});
