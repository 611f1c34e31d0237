/** The passes on this phone: mint, keep, drop. */
import { UnexpectedAnswer } from "../api/problem";
import type { MintedPass, WalletApi } from "../api/wallet";
import type { Database, Mode, StoredPass } from "../store/database";
import { equal, fromBase64Url, toBase64Url } from "../wire/bytes";
import { compressPoint, readPass } from "../wire/travel-pass";
import { publicPoint, take } from "./device-keys";

/** Passes one asks for at a time, at most. */
export const MOST = 4;

/** A gate that is cut off trusts what it last knew for this long (specs/status-list.md), in milliseconds. */
const HARD_BOUND = 3_600_000;

/** When a gate that is cut off stops accepting `pass` at the latest, were it revoked now; null when only connected gates take it. */
export function latestOfflineEffect(pass: StoredPass, now: number): number | null {
  return pass.mode === "offline" ? Math.min(pass.expiresAt, now + HARD_BOUND) : null;
}

/** Mints `count` passes and keeps them. Raises as WalletApi does. */
export async function mint(
  api: WalletApi,
  database: Database,
  { zone, mode, count, now }: { zone: string; mode: Mode; count: number; now: () => number },
): Promise<readonly StoredPass[]> {
  const owner = (await database.get("session", "current"))?.subject ?? "";
  const pairs = await take(database, count);
  const points = await Promise.all(pairs.map(publicPoint));
  const { passes: minted, clockOffset } = await api.mint(zone, mode, points.map(toBase64Url), now);
  if (minted.length !== count) throw new UnexpectedAnswer(`passes: ${count} expected, ${minted.length} came`);
  const passes = minted.map((item): StoredPass => {
    const facts = check(item, { zone, mode });
    const index = points.findIndex((point) => equal(compressPoint(point), facts.deviceKey));
    const pair = pairs[index];
    if (pair === undefined) throw new UnexpectedAnswer("passes: a pass for a key that is not ours");
    return {
      passId: item.pass_id,
      owner,
      zone,
      mode,
      pass: facts.pass,
      sealed: facts.sealed,
      expiresAt: facts.expiresAt,
      key: pair.privateKey,
      clockOffset,
    };
  });
  const transaction = database.transaction("passes", "readwrite");
  await Promise.all([...passes.map((pass) => transaction.store.put(pass)), transaction.done]);
  return passes;
}

/** What came is what was asked for: this zone, a template inside exactly when offline. */
function check(item: MintedPass, { zone, mode }: { zone: string; mode: Mode }) {
  try {
    const pass = fromBase64Url(item.pass);
    const sealed = item.sealed_template === null ? null : fromBase64Url(item.sealed_template);
    const facts = readPass(pass);
    if (facts.zone !== zone) throw new RangeError(`a pass for ${facts.zone}`);
    if ((sealed !== null) !== (mode === "offline")) throw new RangeError("a template where none belongs, or none where it does");
    return { ...facts, pass, sealed };
  } catch (cause) {
    throw new UnexpectedAnswer("passes: not the pass that was asked for", { cause });
  }
}

/** Live passes, the one that ends first leading; expired ones are deleted with their keys. */
export async function live(database: Database, now: number): Promise<readonly StoredPass[]> {
  const all = await database.getAll("passes");
  const isLive = (pass: StoredPass): boolean => now + pass.clockOffset < pass.expiresAt;
  for (const pass of all) if (!isLive(pass)) await database.delete("passes", pass.passId);
  return all.filter(isLive).sort((a, b) => a.expiresAt - b.expiresAt);
}
