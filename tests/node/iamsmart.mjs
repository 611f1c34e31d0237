// Checks specs/vectors/iamsmart.json with Node's own crypto: request signatures, content keys, envelopes, whole
// requests, callbacks. Prints how many of each hold; ends with an error at the first that does not.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { readFileSync } from "node:fs";

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));

function mac(secret, clientID, timestamp, nonce, body) {
  const hmac = crypto.createHmac("sha256", Buffer.from(secret, "utf8"));
  return hmac.update(clientID + "HmacSHA256" + timestamp + nonce, "utf8").update(body).digest("base64");
}

function open(key, content) {
  assert.match(content, /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
  const raw = Buffer.from(content, "base64");
  assert.equal(raw.readInt32BE(0), 12);
  assert.ok(raw.length >= 32);
  const decipher = crypto.createDecipheriv("aes-256-gcm", key, raw.subarray(4, 16), { authTagLength: 16 });
  decipher.setAuthTag(raw.subarray(-16));
  return Buffer.concat([decipher.update(raw.subarray(16, -16)), decipher.final()]);
}

function unwrap(padding, text) {
  const key = crypto.createPrivateKey(vectors.keys.service_key);
  const hash = { "oaep-sha1": "sha1", "oaep-sha256": "sha256" }[padding];
  const { RSA_PKCS1_OAEP_PADDING, RSA_NO_PADDING } = crypto.constants;
  if (hash) {
    return crypto.privateDecrypt({ key, padding: RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, Buffer.from(text, "base64"));
  }
  // Some builds of Node refuse PKCS#1 v1.5 decryption (CVE-2023-46809), so its padding is taken off here.
  const block = crypto.privateDecrypt({ key, padding: RSA_NO_PADDING }, Buffer.from(text, "base64"));
  const end = block.indexOf(0, 2);
  assert.ok(block[0] === 0 && block[1] === 2 && end >= 10);
  return block.subarray(end + 1);
}

for (const each of vectors.request_signatures) {
  const body = each.covers_body ? Buffer.from(each.body, "hex") : Buffer.alloc(0);
  const plain = mac(each.secret, each.clientID, each.timestamp, each.nonce, body);
  assert.equal(each.url_encoded ? encodeURIComponent(plain) : plain, each.signature, each.name);
}
for (const each of vectors.content_keys) {
  assert.equal(unwrap(each.padding, each.secretKey).toString("hex"), each.key, each.name);
}
for (const each of vectors.envelopes) {
  const key = Buffer.from(each.key, "hex");
  if (each.refused) {
    assert.throws(() => open(key, each.content), undefined, each.name);
  } else {
    assert.equal(open(key, each.content).toString("hex"), each.plaintext, each.name);
  }
}
for (const each of vectors.requests) {
  const octets = Buffer.from(each.octets, "hex");
  const split = octets.indexOf("\r\n\r\n");
  const body = octets.subarray(split + 4);
  const headers = Object.fromEntries(
    octets.subarray(0, split).toString("utf8").split("\r\n").slice(1).map((line) => line.split(": ")),
  );
  const expected = mac(each.secret, headers.clientID, headers.timestamp, headers.nonce, body);
  assert.equal(decodeURIComponent(headers.signature), expected, each.name);
  if (each.key) {
    const sealed = JSON.parse(body.toString("utf8")).content;
    assert.deepEqual(JSON.parse(open(Buffer.from(each.key, "hex"), sealed).toString("utf8")), each.content, each.name);
  }
}
for (const each of vectors.callbacks) {
  const members = JSON.parse(Buffer.from(each.octets, "hex").toString("utf8"));
  const key = unwrap(each.padding, members.secretKey);
  assert.deepEqual(JSON.parse(open(key, members.content).toString("utf8")), each.content, each.name);
}
for (const each of vectors.hkic_hashes) {
  const hash = crypto.createHash("sha256").update(each.number.slice(0, -1)).digest("base64");
  assert.equal(hash, each.HKICHash);
}
for (const each of vectors.document_signatures.filter((one) => one.content.signature)) {
  const certificate = new crypto.X509Certificate(Buffer.from(each.content.cert, "base64"));
  assert.ok(certificate.verify(new crypto.X509Certificate(vectors.keys.signing_authority).publicKey));
  const good = crypto.verify(
    "RSA-SHA256", Buffer.from(each.document, "hex"), certificate.publicKey, Buffer.from(each.content.signature, "base64"),
  );
  assert.ok(good, each.name);
}
const counted = ["request_signatures", "content_keys", "envelopes", "requests", "callbacks", "hkic_hashes"];
console.log(JSON.stringify(Object.fromEntries(counted.map((name) => [name, vectors[name].length]))));
