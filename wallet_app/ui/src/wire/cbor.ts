/**
 * Deterministic CBOR (RFC 8949 section 4.2.1), the part that the wallet meets: integers, booleans, byte and text strings, arrays, maps, tags.
 * The decoder is strict: it refuses whatever the encoder would not have written.
 */
import { type Bytes, concat } from "./bytes";

export type Cbor = number | bigint | boolean | string | Bytes | readonly Cbor[] | CborMap | CborTag;
export type CborMap = ReadonlyMap<number | string, Cbor>;

export class CborTag {
  constructor(
    readonly tag: number,
    readonly value: Cbor,
  ) {}
}

export class CborError extends Error {
  override readonly name = "CborError";
}

const MAX_DEPTH = 8;
const [FALSE, TRUE] = [0xf4, 0xf5] as const;

function head(major: number, value: number | bigint): Bytes {
  const n = BigInt(value);
  const lead = major << 5;
  if (n < 24n) return Uint8Array.of(lead | Number(n));
  const size = n < 0x100n ? 1 : n < 0x1_0000n ? 2 : n < 0x1_0000_0000n ? 4 : 8;
  const out = new Uint8Array(1 + size);
  out[0] = lead | (24 + Math.log2(size));
  for (let i = 0; i < size; i++) out[size - i] = Number((n >> BigInt(8 * i)) & 0xffn);
  return out;
}

export function encodeCbor(value: Cbor): Bytes {
  if (typeof value === "number" || typeof value === "bigint") {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new CborError("only whole numbers are used");
    const n = BigInt(value);
    return n >= 0n ? head(0, n) : head(1, -1n - n);
  }
  if (typeof value === "boolean") return Uint8Array.of(value ? TRUE : FALSE);
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    return concat(head(3, text.length), text);
  }
  if (value instanceof Uint8Array) return concat(head(2, value.length), value);
  if (value instanceof CborTag) return concat(head(6, value.tag), encodeCbor(value.value));
  if (value instanceof Map) {
    const pairs = [...(value as CborMap)].map(([key, item]) => [encodeCbor(key), encodeCbor(item)] as const);
    pairs.sort(([a], [b]) => compareBytes(a, b));
    return concat(head(5, pairs.length), ...pairs.flat());
  }
  const items = value as readonly Cbor[];
  return concat(head(4, items.length), ...items.map(encodeCbor));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Raises CborError on anything but one deterministic item that fills `raw`. */
export function decodeCbor(raw: Uint8Array): Cbor {
  const reader = new Reader(raw);
  const value = reader.item(0);
  if (reader.at !== raw.length) throw new CborError("bytes are left over");
  return value;
}

class Reader {
  at = 0;
  constructor(private readonly raw: Uint8Array) {}

  item(depth: number): Cbor {
    if (depth > MAX_DEPTH) throw new CborError("nested too deeply");
    const start = this.at;
    const { major, value } = this.head();
    switch (major) {
      case 0:
        return narrow(value);
      case 1:
        return narrow(-1n - value);
      case 2:
        return this.take(value);
      case 3:
        return this.text(value);
      case 4:
        return this.times(value, () => this.item(depth + 1));
      case 5:
        return this.map(value, depth);
      case 6:
        return new CborTag(Number(value), this.item(depth + 1));
      default: {
        const first = this.raw[start];
        if (first === FALSE || first === TRUE) return first === TRUE;
        throw new CborError("of the simple values only false and true are used");
      }
    }
  }

  private head(): { major: number; value: bigint } {
    const first = this.byte();
    const info = first & 0x1f;
    if (info < 24) return { major: first >> 5, value: BigInt(info) };
    if (info > 27) throw new CborError("indefinite or reserved length");
    const size = 1 << (info - 24);
    let value = 0n;
    for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(this.byte());
    const least = size === 1 ? 24n : 1n << BigInt(4 * size);
    if (value < least) throw new CborError("not the shortest form");
    return { major: first >> 5, value };
  }

  private byte(): number {
    const byte = this.raw[this.at];
    if (byte === undefined) throw new CborError("cut short");
    this.at += 1;
    return byte;
  }

  private take(length: bigint): Bytes {
    if (length > BigInt(this.raw.length - this.at)) throw new CborError("cut short");
    const start = this.at;
    this.at += Number(length);
    return this.raw.slice(start, this.at) as Bytes;
  }

  private text(length: bigint): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(length));
    } catch (error) {
      if (error instanceof CborError) throw error;
      throw new CborError("not UTF-8");
    }
  }

  private times(count: bigint, read: () => Cbor): Cbor[] {
    if (count > BigInt(this.raw.length - this.at)) throw new CborError("cut short");
    return Array.from({ length: Number(count) }, read);
  }

  private map(count: bigint, depth: number): CborMap {
    if (count > BigInt(this.raw.length - this.at)) throw new CborError("cut short");
    const out = new Map<number | string, Cbor>();
    let last: Uint8Array | undefined;
    for (let i = 0; i < Number(count); i++) {
      const start = this.at;
      const key = this.item(depth + 1);
      if (typeof key !== "number" && typeof key !== "string") throw new CborError("map keys are integers or text");
      const encoded = this.raw.slice(start, this.at);
      if (last !== undefined && compareBytes(last, encoded) >= 0) throw new CborError("map keys out of order");
      last = encoded;
      out.set(key, this.item(depth + 1));
    }
    return out;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
