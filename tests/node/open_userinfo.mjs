// npm jose: open an encrypted userinfo answer and verify the signed one inside it. Standard input: {answer, jwk (private),
// jwks (the issuer's), issuer, client_id}. Prints {claims, header}.

import { readFileSync } from 'node:fs'
import { compactDecrypt, createLocalJWKSet, importJWK, jwtVerify } from 'jose'

const given = JSON.parse(readFileSync(0, 'utf8'))
const { plaintext, protectedHeader: header } = await compactDecrypt(given.answer, await importJWK(given.jwk, 'ECDH-ES'))
const inner = new TextDecoder().decode(plaintext)
const { payload: claims } = await jwtVerify(inner, createLocalJWKSet(given.jwks), {
  issuer: given.issuer,
  audience: given.client_id,
  algorithms: ['ES256'],
})
console.log(JSON.stringify({ claims, header }))
