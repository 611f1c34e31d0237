// A partner agency in JavaScript: ask a person, get a token, read what they agreed to.
//
//   npm install openid-client
//   node tongguan-agency.mjs --issuer https://broker.example --client-id my-client --partner my-agency \
//     --key signing-key.pem --kid my-key --redirect-uri http://127.0.0.1:8700/callback \
//     --purpose age-check --claim over_18
//
// The signing key (P-256, PEM, PKCS #8) is the private half of a key in your published key set. The program prints the
// address to send the person to, waits for them to come back, and prints their claims as JSON.

import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import * as client from 'openid-client'

const names = ['issuer', 'client-id', 'partner', 'key', 'kid', 'redirect-uri', 'purpose']
const { values: given } = parseArgs({
  options: {
    ...Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    claim: { type: 'string', multiple: true },
  },
})

// private_key_jwt with ES256; tokens are bound by DPoP to a key that is new in each run.
const pkcs8 = createPrivateKey(readFileSync(given.key)).export({ type: 'pkcs8', format: 'der' })
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const signing = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
const issuer = new URL(given.issuer)
const config = await client.discovery(
  issuer,
  given['client-id'],
  undefined,
  client.PrivateKeyJwt({ key: signing, kid: given.kid }),
  { execute: issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [] },
)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const address = await client.buildAuthorizationUrlWithPAR(
  config,
  {
    redirect_uri: given['redirect-uri'],
    scope: 'openid',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify([
      {
        type: 'identity_release',
        purpose: given.purpose,
        recipient: given.partner,
        claims: given.claim,
        retention: 'P1D',
      },
    ]),
  },
  { DPoP },
)
console.error(address.href)

const comeBack = (redirectUri) =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(redirectUri)
    const server = createServer((request, response) => {
      response.end('Thank you. You can close this page.')
      server.close()
      server.closeAllConnections?.()
      resolve(new URL(request.url, redirectUri))
    }).listen(Number(port), hostname)
  })

const tokens = await client.authorizationCodeGrant(config, await comeBack(given['redirect-uri']), {
  pkceCodeVerifier: verifier,
  expectedState: state,
}, undefined, { DPoP })
const url = new URL('/agencies/v1/claims', issuer)
const answer = await client.fetchProtectedResource(config, tokens.access_token, url, 'GET', null, undefined, { DPoP })
if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`)
console.log(JSON.stringify(await answer.json()))
