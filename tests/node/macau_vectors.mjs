// Reads specs/vectors/macau.json with npm `jose`: opens and verifies each packet and notice, and prints what came of it.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createLocalJWKSet, generalDecrypt, importJWK, jwtVerify } from 'jose'

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { common } = document
const bureau = createLocalJWKSet(common.bureau_jwks)
const provider = createLocalJWKSet(common.provider_jwks)

async function departmentKey(_, recipient) {
  const jwk = common.department_keys.find(({ kid }) => kid === recipient.header.kid)
  if (!jwk) throw new Error('no key of ours')
  return importJWK(jwk, 'ECDH-ES+A256KW')
}

async function packet({ packet, at }) {
  const { plaintext } = await generalDecrypt(JSON.parse(packet), departmentKey, {
    keyManagementAlgorithms: ['ECDH-ES+A256KW'],
    contentEncryptionAlgorithms: ['A256GCM'],
  })
  const signed = new TextDecoder().decode(plaintext)
  const { payload } = await jwtVerify(signed, bureau, {
    algorithms: ['ES256'], typ: 'pacote+jwt', issuer: common.bureau, audience: common.department,
    currentDate: new Date(at), clockTolerance: 60, requiredClaims: ['exp', 'iat'],
    maxTokenAge: 600,
  })
  return { ok: true, signed, claims: payload }
}

async function notice({ notice, at }) {
  const { payload } = await jwtVerify(notice, provider, {
    algorithms: ['ES256'], typ: 'secevent+jwt', issuer: common.issuer, audience: common.client.client_id,
    currentDate: new Date(at), maxTokenAge: 7 * 86400,
  })
  return { ok: true, claims: payload }
}

async function outcome(read, input) {
  try {
    return await read(input)
  } catch (error) {
    return { ok: false, code: error.code ?? String(error) }
  }
}

function requests() {
  const [push, exchange] = ['pushed request', 'code for tokens'].map((name) => document.requests.find((r) => r.name === name))
  const asked = new URLSearchParams(push.body)
  const verifier = new URLSearchParams(exchange.body).get('code_verifier')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const [id, secret] = Buffer.from(push.authorization.split(' ')[1], 'base64').toString().split(':')
    .map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
  const [detail] = JSON.parse(asked.get('authorization_details'))
  return {
    challenge: asked.get('code_challenge') === challenge && asked.get('code_challenge_method') === 'S256',
    basic: id === common.client.client_id && secret === common.client.client_secret,
    detail: detail.type === 'urn:mo:conta-unica:pacote' && detail.finalidade === common.purpose,
  }
}

const cases = {}
for (const { name, input } of document.packets) cases[name] = await outcome(packet, input)
for (const { name, input } of document.notices) cases[name] = await outcome(notice, input)
console.log(JSON.stringify({ cases, requests: requests() }))
