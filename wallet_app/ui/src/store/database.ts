/**
 * What the wallet keeps on the phone, in IndexedDB of its own origin. Private keys are non-extractable CryptoKeys: a script can use them
 * here, but cannot carry them away, and tokens are worthless without the key they are bound to.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Bytes } from "../wire/bytes";

/** Tokens of the current session, bound to the DPoP key. Times in milliseconds since 1970 UTC. */
export interface Session {
  /** The broker's pseudonym for this person, from the ID token. */
  readonly subject: string;
  readonly accessToken: string;
  readonly expiresAt: number;
  readonly refreshToken: string | null;
}

/** A login on its way: deleted when its answer arrives, so that an answer counts once. */
export interface PendingLogin {
  readonly verifier: string;
  readonly nonce: string;
  readonly returnTo: string;
  readonly startedAt: number;
}

export type Mode = "online" | "offline";

export interface StoredPass {
  readonly passId: string;
  /** `Session.subject` of whoever minted it. */
  readonly owner: string;
  readonly zone: string;
  readonly mode: Mode;
  readonly pass: Bytes;
  readonly sealed: Bytes | null;
  readonly expiresAt: number;
  readonly key: CryptoKey;
  /** What to add to this phone's clock for the broker's time, in milliseconds; 0 while the two agree. */
  readonly clockOffset: number;
}

interface Schema extends DBSchema {
  keys: { key: "dpop"; value: CryptoKeyPair };
  session: { key: "current"; value: Session };
  logins: { key: string; value: PendingLogin };
  device_keys: { key: number; value: CryptoKeyPair };
  passes: { key: string; value: StoredPass };
  names: { key: "zones"; value: ReadonlyMap<string, string> };
  /** Present from a sign-out until the next login succeeds. */
  signed_out: { key: "mark"; value: true };
}

export type Database = IDBPDatabase<Schema>;

const STORES = ["keys", "session", "logins", "device_keys", "passes", "names", "signed_out"] as const;

export async function openDatabase(name = "tongguan"): Promise<Database> {
  return openDB<Schema>(name, 2, {
    upgrade(database, before) {
      if (before < 1) {
        database.createObjectStore("keys");
        database.createObjectStore("session");
        database.createObjectStore("logins");
        database.createObjectStore("device_keys", { autoIncrement: true });
        database.createObjectStore("passes", { keyPath: "passId" });
        database.createObjectStore("names");
      }
      database.createObjectStore("signed_out");
    },
  });
}

/** Forgets everything: keys, tokens, passes. Only that somebody signed out is kept. */
export async function forgetAll(database: Database): Promise<void> {
  const transaction = database.transaction(STORES, "readwrite");
  const cleared = STORES.map((store) => transaction.objectStore(store).clear());
  const mark = transaction.objectStore("signed_out").put(true, "mark");
  await Promise.all([...cleared, mark, transaction.done]);
}
