/** Base45 (RFC 9285): the alphabet of QR alphanumeric mode, two bytes in three characters. */
import type { Bytes } from "./bytes";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

function char(value: number): string {
  return ALPHABET.charAt(value % 45);
}

export function encodeBase45(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 2) {
    const high = bytes[i] ?? 0;
    const low = bytes[i + 1];
    if (low === undefined) return text + char(high) + char(Math.floor(high / 45));
    const value = high * 256 + low;
    text += char(value) + char(Math.floor(value / 45)) + char(Math.floor(value / 2025));
  }
  return text;
}

/** Raises RangeError on a foreign character, an impossible length or a group that is too large. */
export function decodeBase45(text: string): Bytes {
  if (text.length % 3 === 1) throw new RangeError("base45: impossible length");
  const digits = Array.from(text, (letter) => {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) throw new RangeError("base45: foreign character");
    return digit;
  });
  const out: number[] = [];
  for (let i = 0; i < digits.length; i += 3) {
    const [c = 0, d = 0, e] = digits.slice(i, i + 3);
    const value = c + d * 45 + (e ?? 0) * 2025;
    if (value > (e === undefined ? 0xff : 0xffff)) throw new RangeError("base45: group too large");
    if (e !== undefined) out.push(value >> 8);
    out.push(value & 0xff);
  }
  return Uint8Array.from(out);
}
