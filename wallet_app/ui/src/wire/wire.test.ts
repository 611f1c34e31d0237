import encodeQR from "qr";
import { describe, expect, test } from "vitest";
import { decodeBase45, encodeBase45 } from "./base45";
import { fromBase64Url, fromHex, toBase64Url, toHex } from "./bytes";
import { CborError, CborTag, decodeCbor, encodeCbor } from "./cbor";
import { counterAt, proofMessage, signProof, windowEnd } from "./device-proof";
import { parseQrText, qrText } from "./qr-text";

const ascii = (text: string) => new TextEncoder().encode(text);

describe("base45, RFC 9285 section 4", () => {
  test.each([
    ["AB", "BB8"],
    ["Hello!!", "%69 VD92EX0"],
    ["base-45", "UJCLQE7W581"],
    ["ietf!", "QED8WEX0"],
  ])("%s", (plain, encoded) => {
    expect(encodeBase45(ascii(plain))).toBe(encoded);
    expect(new TextDecoder().decode(decodeBase45(encoded))).toBe(plain);
  });

  test.each(["GGW", "::", ":::", "A", "ab0"])("refuses %s", (text) => {
    expect(() => decodeBase45(text)).toThrow(RangeError);
  });
});

describe("CBOR, RFC 8949 appendix A", () => {
  test.each([
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [1000, "1903e8"],
    [1000000, "1a000f4240"],
    [1000000000000, "1b000000e8d4a51000"],
    [18446744073709551615n, "1bffffffffffffffff"],
    [-1, "20"],
    [-1000, "3903e7"],
    [false, "f4"],
    [true, "f5"],
    ["水", "63e6b0b4"],
    [fromHex("01020304"), "4401020304"],
    [[1, [2, 3]], "8201820203"],
    [new Map([["b", 1] as const, ["a", 2] as const]), "a2616102616201"],
    [new CborTag(18, 1), "d201"],
  ])("%o", (value, hex) => {
    expect(toHex(encodeCbor(value))).toBe(hex);
    expect(toHex(encodeCbor(decodeCbor(fromHex(hex))))).toBe(hex);
  });

  test.each([
    ["1817", "not the shortest form"],
    ["190018", "not the shortest form"],
    ["0000", "left over"],
    ["", "cut short"],
    ["42ff", "cut short"],
    ["9bffffffffffffffff", "cut short"],
    ["5f4101ff", "indefinite"],
    ["a2616201616102", "out of order"],
    ["a2616101616102", "out of order"],
    ["61ff", "not UTF-8"],
    ["f6", "simple values"],
    ["f97e00", "simple values"],
    ["818181818181818181818100", "too deeply"],
  ])("refuses %s", (hex, why) => {
    expect(() => decodeCbor(fromHex(hex))).toThrow(CborError);
    expect(() => decodeCbor(fromHex(hex))).toThrow(why);
  });
});

test("base64url round trip and refusals", () => {
  expect(toBase64Url(fromHex("fbff"))).toBe("-_8");
  expect(toHex(fromBase64Url("-_8"))).toBe("fbff");
  for (const bad of ["+/8", "-_8=", "A", " AA"]) expect(() => fromBase64Url(bad)).toThrow(RangeError);
});

describe("device proof", () => {
  test("a window lasts from its counter to the next", () => {
    expect(counterAt(29_999)).toBe(1);
    expect(counterAt(30_000)).toBe(2);
    expect(windowEnd(1)).toBe(30_000);
  });

  test("the message is tag, hash, counter", async () => {
    const message = await proofMessage(fromHex("00"), 0x0102030405);
    expect(new TextDecoder().decode(message.slice(0, 25))).toBe("tongguan/device-proof/v1\0");
    expect(toHex(message.slice(25, 57))).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(toHex(message.slice(57))).toBe("0000000102030405");
  });

  test("a signature is 64 bytes and verifies", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const proof = await signProof(pair.privateKey, fromHex("00"), 7);
    expect(proof).toHaveLength(64);
    const message = await proofMessage(fromHex("00"), 7);
    expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, proof, message)).toBe(true);
  });
});

describe("QR text", () => {
  const qr = { pass: fromHex("d284"), counter: 119_000_000, proof: new Uint8Array(64).fill(7), sealed: null };

  test("round trip with and without a template", () => {
    expect(parseQrText(qrText(qr))).toEqual(qr);
    const offline = { ...qr, sealed: fromHex("d083") };
    expect(parseQrText(qrText(offline))).toEqual(offline);
  });

  test("refuses another prefix, missing parts and a short proof", () => {
    expect(() => parseQrText(`HC1:${qrText(qr).slice(4)}`)).toThrow(RangeError);
    expect(() => parseQrText(`TG1:${encodeBase45(encodeCbor([fromHex("00"), 1]))}`)).toThrow(RangeError);
    expect(() => parseQrText(qrText({ ...qr, proof: new Uint8Array(63) }))).toThrow(RangeError);
  });

  test("310 bytes fit version 13 at level M", () => {
    const text = `TG1:${encodeBase45(new Uint8Array(310).fill(0xa5))}`;
    expect(text).toHaveLength(469);
    expect(encodeQR(text, "raw", { ecc: "medium", border: 4 })).toHaveLength(17 + 4 * 13 + 8);
  });
});
