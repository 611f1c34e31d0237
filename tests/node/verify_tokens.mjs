// npm jose: verify an ID token and an access token under the issuer's published keys. Standard input: {issuer, client_id,
// nonce, id_token, access_token}. Prints {id_token, access_token} as claims; fails when anything does not verify.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const given = JSON.parse(readFileSync(0, 'utf8'))
const metadata = await (await fetch(`${given.issuer}/.well-known/openid-configuration`)).json()
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

const { payload: id } = await jwtVerify(given.id_token, keys, {
  issuer: given.issuer,
  audience: given.client_id,
  algorithms: metadata.id_token_signing_alg_values_supported,
  requiredClaims: ['sub', 'iat', 'exp', 'auth_time', 'acr'],
})
if (id.nonce !== given.nonce) throw new Error('nonce')
const half = createHash('sha256').update(given.access_token).digest().subarray(0, 16).toString('base64url')
if (id.at_hash !== half) throw new Error('at_hash')

// RFC 9068: what a resource server does.
const { payload: access, protectedHeader } = await jwtVerify(given.access_token, keys, {
  issuer: given.issuer,
  audience: given.audience,
  typ: 'at+jwt',
  requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti'],
})
if (access.client_id !== given.client_id) throw new Error('client_id')
console.log(JSON.stringify({ id_token: id, access_token: access, header: protectedHeader }))
