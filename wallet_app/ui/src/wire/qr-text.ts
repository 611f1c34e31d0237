/** The text of a travel QR (specs/travel-pass.md): "TG1:" + base45(deterministic CBOR [pass, counter, proof, ?sealed template]). */
import { decodeBase45, encodeBase45 } from "./base45";
import type { Bytes } from "./bytes";
import { decodeCbor, encodeCbor } from "./cbor";

export const PREFIX = "TG1:";

export interface TravelQr {
  readonly pass: Bytes;
  readonly counter: number;
  /** 64 bytes, r || s. */
  readonly proof: Bytes;
  /** Offline passes carry the sealed template. */
  readonly sealed: Bytes | null;
}

export function qrText(qr: TravelQr): string {
  const parts = [qr.pass, qr.counter, qr.proof];
  return PREFIX + encodeBase45(encodeCbor(qr.sealed === null ? parts : [...parts, qr.sealed]));
}

const MAX_COUNTER = 2 ** 33;

/** The inverse, which the tests hold against the gate's vectors. Raises RangeError or CborError. */
export function parseQrText(text: string): TravelQr {
  if (!text.startsWith(PREFIX)) throw new RangeError("not a travel QR");
  const item = decodeCbor(decodeBase45(text.slice(PREFIX.length)));
  if (!Array.isArray(item) || item.length < 3 || item.length > 4) throw new RangeError("not three or four parts");
  const [pass, counter, proof, sealed] = item as unknown[];
  if (!(pass instanceof Uint8Array) || typeof counter !== "number") throw new RangeError("wrong types");
  if (counter < 0 || counter >= MAX_COUNTER) throw new RangeError("a counter out of bounds");
  if (!(proof instanceof Uint8Array) || proof.length !== 64) throw new RangeError("the proof is 64 bytes");
  if (sealed !== undefined && !(sealed instanceof Uint8Array)) throw new RangeError("the template is bytes");
  return { pass: pass as Bytes, counter, proof: proof as Bytes, sealed: (sealed as Bytes | undefined) ?? null };
}
