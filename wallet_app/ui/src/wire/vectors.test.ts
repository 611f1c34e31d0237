/** The vectors of specs/vectors, which mint and gate run too: what they accept and refuse, the wallet accepts and refuses. */
import { describe, expect, test } from "vitest";
import base45 from "../../../../specs/vectors/base45.json";
import cbor from "../../../../specs/vectors/cbor.json";
import deviceProof from "../../../../specs/vectors/device-proof.json";
import qr from "../../../../specs/vectors/qr.json";
import travelPass from "../../../../specs/vectors/travel-pass.json";
import { decodeBase45, encodeBase45 } from "./base45";
import { type Bytes, concat, fromHex, toHex } from "./bytes";
import { type Cbor, CborError, decodeCbor, encodeCbor } from "./cbor";
import { proofMessage, signProof } from "./device-proof";
import { parseQrText, qrText } from "./qr-text";
import { readPass } from "./travel-pass";

interface Case {
  readonly name: string;
  readonly input: Readonly<Record<string, string>>;
  readonly expect: { readonly ok?: Readonly<Record<string, unknown>>; readonly reason?: string };
}

function split(file: { readonly cases: readonly unknown[] }): { good: [string, Case][]; bad: [string, Case][] } {
  const cases = (file.cases as readonly Case[]).map((item): [string, Case] => [item.name, item]);
  return { good: cases.filter(([, { expect }]) => expect.ok), bad: cases.filter(([, { expect }]) => expect.reason) };
}

const input = (item: Case, name: string): string => item.input[name] ?? "";
const told = (item: Case, name: string): string => String(item.expect.ok?.[name]);

describe("base45", () => {
  const { good, bad } = split(base45);
  test.each(good)("%s", (_, item) => {
    expect(toHex(decodeBase45(input(item, "text")))).toBe(told(item, "hex"));
    expect(encodeBase45(fromHex(told(item, "hex")))).toBe(input(item, "text"));
  });
  test.each(bad)("refuses: %s", (_, item) => expect(() => decodeBase45(input(item, "text"))).toThrow(RangeError));
});

describe("CBOR", () => {
  const { good, bad } = split(cbor);
  // Null and floating point are in the formats' CBOR, but in nothing that a wallet reads or writes.
  const foreign = /^(?:f6|f9|fa|fb)/;
  test.each(good.filter(([, item]) => !foreign.test(input(item, "hex"))))("%s", (_, item) => {
    expect(toHex(encodeCbor(decodeCbor(fromHex(input(item, "hex")))))).toBe(input(item, "hex"));
    expect(plain(decodeCbor(fromHex(input(item, "hex"))))).toEqual(item.expect.ok?.["value"]);
  });
  test.each(bad)("refuses: %s", (_, item) => expect(() => decodeCbor(fromHex(input(item, "hex")))).toThrow(CborError));
});

function plain(value: Cbor): unknown {
  if (value instanceof Map) return Object.fromEntries([...(value as ReadonlyMap<number | string, Cbor>)].map(([key, item]) => [String(key), plain(item)]));
  if (typeof value === "bigint") return Number(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

describe("QR text", () => {
  const { good, bad } = split(qr);
  test.each(good)("%s", (_, item) => {
    const parsed = parseQrText(input(item, "text"));
    expect(toHex(parsed.pass)).toBe(told(item, "pass"));
    expect(parsed.counter).toBe(item.expect.ok?.["counter"]);
    expect(toHex(parsed.proof)).toBe(told(item, "proof"));
    expect(parsed.sealed === null ? null : toHex(parsed.sealed)).toBe(item.expect.ok?.["sealed_template"]);
    expect(qrText(parsed)).toBe(input(item, "text"));
  });
  // Length is a limit of gates, which read anything; a wallet reads only its own tests.
  test.each(bad.filter(([name]) => name !== "too long"))("refuses: %s", (_, item) => {
    expect(() => parseQrText(input(item, "text"))).toThrow();
  });
});

describe("travel pass, as its holder reads it", () => {
  const { good } = split(travelPass);
  test.each(good)("%s", (_, item) => {
    const facts = readPass(fromHex(input(item, "hex")));
    expect(toHex(facts.passId)).toBe(told(item, "pass_id"));
    expect(facts.zone).toBe(told(item, "zone"));
    expect(facts.expiresAt).toBe(Date.parse(told(item, "expires_at")));
    expect(toHex(facts.deviceKey)).toBe(told(item, "device_key"));
  });
});

describe("device proof", () => {
  const good = split(deviceProof).good.filter(([, item]) => item.expect.ok?.["message"] !== undefined);
  test.each(good)("%s: the same message", async (_, item) => {
    const parsed = parseQrText(input(item, "text"));
    expect(toHex(await proofMessage(parsed.pass, parsed.counter))).toBe(told(item, "message"));
  });

  test.each(good.filter(([, item]) => item.input["device_key"] !== undefined))("%s: the proofs verify under the pass's key", async (_, item) => {
    const parsed = parseQrText(input(item, "text"));
    const { signing, verifying } = await importPair(fromHex(input(item, "device_key")));
    const message = await proofMessage(parsed.pass, parsed.counter);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    expect(await crypto.subtle.verify(algorithm, verifying, parsed.proof, message)).toBe(true);
    expect(await crypto.subtle.verify(algorithm, verifying, await signProof(signing, parsed.pass, parsed.counter), message)).toBe(true);
    expect(toHex(await compressed(verifying))).toBe(toHex(readPass(parsed.pass).deviceKey));
  });
});

/** `secret`: 32 bytes; wrapped as RFC 5958 without the public half, which the platform computes. */
async function importPair(secret: Bytes): Promise<{ signing: CryptoKey; verifying: CryptoKey }> {
  const pkcs8 = concat(fromHex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420"), secret);
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const signing = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]);
  const { d: _, key_ops: __, ...jwk } = await crypto.subtle.exportKey("jwk", signing);
  return { signing, verifying: await crypto.subtle.importKey("jwk", jwk, algorithm, true, ["verify"]) };
}

async function compressed(key: CryptoKey): Promise<Bytes> {
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", key));
  return concat(Uint8Array.of(2 + ((point[64] ?? 0) & 1)), point.slice(1, 33));
}
