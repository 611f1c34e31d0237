// Verifies the receipts of specs/vectors/consent-record.json with npm `jose`, and each record's hash over RFC 8785.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compactVerify, errors, importJWK } from 'jose'

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const key = await importJWK(document.jwk, 'EdDSA')

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`
}

async function check({ jws }) {
  if (jws.split('.').length !== 3) return { refused: 'form' }
  try {
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['EdDSA'] })
    if (protectedHeader.typ !== document.typ) return { refused: 'typ' }
    const claims = JSON.parse(new TextDecoder().decode(payload))
    const sha256 = createHash('sha256').update(canonical(claims.record)).digest('hex')
    return sha256 === claims.record_sha256 ? { refused: '', sha256, claims } : { refused: 'digest' }
  } catch (error) {
    if (error instanceof errors.JOSEAlgNotAllowed) return { refused: 'alg' }
    if (error instanceof errors.JWSSignatureVerificationFailed) return { refused: 'signature' }
    throw error
  }
}

console.log(JSON.stringify(await Promise.all(document.cases.map(check))))
