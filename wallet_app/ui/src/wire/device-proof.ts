/** The device proof (specs/device-proof.md): the pass's own key signs the current 15 s window, so a copied code dies within seconds. */
import { type Bytes, concat } from "./bytes";

/** Seconds per window. */
export const WINDOW = 15;

const DOMAIN = new TextEncoder().encode("tongguan/device-proof/v1\0");

/** `at` in milliseconds since 1970 UTC. */
export function counterAt(at: number): number {
  return Math.floor(at / 1000 / WINDOW);
}

/** When the window `counter` ends, in milliseconds since 1970 UTC. */
export function windowEnd(counter: number): number {
  return (counter + 1) * WINDOW * 1000;
}

/** tag || SHA-256(pass) || counter as eight bytes, most significant first. */
export async function proofMessage(passBytes: Bytes, counter: number): Promise<Bytes> {
  if (!Number.isSafeInteger(counter) || counter < 0) throw new RangeError("the counter is a whole number");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", passBytes));
  const count = new Uint8Array(8);
  new DataView(count.buffer).setBigUint64(0, BigInt(counter));
  return concat(DOMAIN, digest, count);
}

/** 64 bytes, r || s: WebCrypto's ECDSA is already the raw form. */
export async function signProof(key: CryptoKey, passBytes: Bytes, counter: number): Promise<Bytes> {
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, await proofMessage(passBytes, counter));
  return new Uint8Array(signature);
}
