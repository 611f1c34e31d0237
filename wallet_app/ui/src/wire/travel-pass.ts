/**
 * Reads a travel pass (specs/travel-pass.md) as its holder: enough to see that the broker gave what was asked for.
 * The wallet does not verify the signature: it has no trust list, and the gate decides.
 */
import type { Bytes } from "./bytes";
import { CborTag, decodeCbor } from "./cbor";

export interface PassFacts {
  readonly passId: Bytes;
  readonly zone: string;
  /** Milliseconds since 1970 UTC. */
  readonly expiresAt: number;
  /** 33 bytes, compressed P-256. */
  readonly deviceKey: Bytes;
}

// RFC 8392 claim keys and RFC 8747 confirmation.
const [AUD, EXP, CTI, CNF] = [3, 4, 7, 8] as const;
const COSE_KEY = 1;
const [KEY_X, KEY_Y] = [-2, -3] as const;
const COSE_SIGN1 = 18;

/** Raises RangeError or CborError when `raw` is not a travel pass. */
export function readPass(raw: Uint8Array): PassFacts {
  const message = decodeCbor(raw);
  if (!(message instanceof CborTag) || message.tag !== COSE_SIGN1 || !Array.isArray(message.value)) throw new RangeError("not COSE_Sign1");
  const payload: unknown = message.value[2];
  if (!(payload instanceof Uint8Array)) throw new RangeError("no payload");
  const claims = map(decodeCbor(payload));
  const key = map(map(claims.get(CNF)).get(COSE_KEY));
  const zone = claims.get(AUD);
  const oddY = key.get(KEY_Y) as unknown;
  if (typeof zone !== "string") throw new RangeError("no zone");
  if (typeof oddY !== "boolean") throw new RangeError("the device key is not compressed");
  return {
    passId: bytes(claims.get(CTI)),
    zone,
    expiresAt: seconds(claims.get(EXP)) * 1000,
    deviceKey: Uint8Array.of(oddY ? 3 : 2, ...bytes(key.get(KEY_X))),
  };
}

/** 65 bytes uncompressed, as WebCrypto exports it, to 33 bytes compressed (SEC 1 section 2.3.3). */
export function compressPoint(point: Uint8Array): Bytes {
  if (point.length !== 65 || point[0] !== 4) throw new RangeError("not an uncompressed P-256 point");
  return Uint8Array.of(((point[64] ?? 0) & 1) === 1 ? 3 : 2, ...point.slice(1, 33));
}

function map(value: unknown): ReadonlyMap<unknown, unknown> {
  if (!(value instanceof Map)) throw new RangeError("a map is missing");
  return value;
}

function bytes(value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw new RangeError("bytes are missing");
  return value as Bytes;
}

function seconds(value: unknown): number {
  if (typeof value !== "number") throw new RangeError("a time is missing");
  return value;
}
