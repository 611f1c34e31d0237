// The conversation of a client with the test that drives it: one JSON object a line.

import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function hear() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test went away')
  return JSON.parse(value)
}

/** What this client is told at the start: issuer, client_id, redirect_uri, jwk or secret, and whatever the test adds. */
export const order = await hear()

/** Have a person open `url`; resolves to the address at which their browser arrived at redirect_uri. */
export async function visit(url) {
  console.log(JSON.stringify({ visit: String(url) }))
  return new URL((await hear()).arrived)
}

export function done(result) {
  console.log(JSON.stringify({ done: result }))
  process.exit(0)
}

/** The private key of a JWK, as WebCrypto has it. */
export function signingKey(jwk) {
  const { alg, use, kid, ...material } = jwk
  return crypto.subtle.importKey('jwk', material, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
}
