/**
 * Device keys, generated ahead of need so that minting never waits for them. Each key serves one pass: a key seen at two gates would let
 * their operators recognise the phone.
 */
import type { Database } from "../store/database";

/** Keys kept ready. */
export const POOL = 4;

function generate(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
}

export async function refill(database: Database): Promise<void> {
  const missing = POOL - (await database.count("device_keys"));
  for (let i = 0; i < missing; i++) await database.add("device_keys", await generate());
}

/** Takes `count` keys out of the pool for good, making what it lacks. */
export async function take(database: Database, count: number): Promise<readonly CryptoKeyPair[]> {
  const taken: CryptoKeyPair[] = [];
  const transaction = database.transaction("device_keys", "readwrite");
  for (let cursor = await transaction.store.openCursor(); cursor !== null && taken.length < count; cursor = await cursor.continue()) {
    taken.push(cursor.value);
    await cursor.delete();
  }
  await transaction.done;
  while (taken.length < count) taken.push(await generate());
  return taken;
}

/** 65 bytes, uncompressed. */
export async function publicPoint(pair: CryptoKeyPair): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
}
