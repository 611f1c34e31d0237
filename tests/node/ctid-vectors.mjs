// Checks specs/vectors/ctid.json with sm-crypto-v2, and makes something for the other side to check.
// Standard input: the file. Output: {failures: [...], checked: n, signature, ciphertext, publicKey}.
import { readFileSync } from 'node:fs'
import { sm2, sm3, sm4 } from 'sm-crypto-v2'

const vectors = JSON.parse(readFileSync(0, 'utf8'))
const { keys, distid } = vectors.common
const failures = []
let checked = 0

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'))
function check(name, good) {
  checked += 1
  if (!good) failures.push(name)
}

const known = { der: true, hash: true, userId: distid }
for (const [index, vector] of vectors.signatures.entries()) {
  const { point } = keys[vector.key]
  check(`sm3 ${index}`, sm3(bytes(vector.message)) === vector.sm3)
  check(`signature ${index}`, sm2.doVerifySignature(bytes(vector.message), vector.der, point, known))
  const other = bytes(vector.message + '00')
  check(`altered message ${index}`, !sm2.doVerifySignature(other, vector.der, point, known))
}
for (const [index, vector] of vectors.ciphertexts.entries()) {
  const opened = sm2.doDecrypt(vector.der, keys[vector.key].secret, 1, { asn1: true, output: 'array' })
  check(`ciphertext ${index}`, Buffer.from(opened).toString('hex') === vector.plaintext)
}
// The signature and the sealed parts of messages, found by the caller: by another reader of DER than ours.
for (const part of vectors.parts ?? []) {
  if (part.kind === 'signed') {
    check(part.name, sm2.doVerifySignature(bytes(part.content), part.signature, part.point, known))
  } else {
    const key = Buffer.from(sm2.doDecrypt(part.key, part.secret, 1, { asn1: true, output: 'array' })).toString('hex')
    const options = { mode: part.iv ? 'cbc' : 'ecb', iv: part.iv ?? undefined, padding: 'pkcs#7', output: 'array' }
    const opened = sm4.decrypt(bytes(part.content), key, options)
    check(part.name, Buffer.from(opened).toString('hex') === part.plaintext)
  }
}

const pair = sm2.generateKeyPairHex()
const message = bytes('e9809ae585b3')
const output = {
  failures,
  checked,
  publicKey: pair.publicKey,
  privateKey: pair.privateKey,
  signature: sm2.doSignature(message, pair.privateKey, { ...known, publicKey: pair.publicKey }),
  ciphertext: sm2.doEncrypt(bytes('000102030405060708090a0b0c0d0e0f'), pair.publicKey, 1, { asn1: true }),
}
console.log(JSON.stringify(output))
