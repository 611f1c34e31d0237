// npm oauth4webapi as a FAPI 2.0 client, step by step: discovery, PAR with DPoP, the response's `iss`, the code, the ID
// token's signature, userinfo, and a protected resource with the nonce dance done by hand.

import * as oauth from 'oauth4webapi'
import { done, order, signingKey, visit } from './driven.mjs'

const issuer = new URL(order.issuer)
const as = await oauth.discoveryRequest(issuer).then((response) => oauth.processDiscoveryResponse(issuer, response))
const client = { client_id: order.client_id }
const authenticate = oauth.PrivateKeyJwt({ key: await signingKey(order.jwk), kid: order.jwk.kid })
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))

/** Once more with the server's nonce when it asks for one (RFC 9449 8). */
async function withNonce(send) {
  try {
    return await send()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return send()
  }
}

const code_verifier = oauth.generateRandomCodeVerifier()
const nonce = oauth.generateRandomNonce()
const state = oauth.generateRandomState()
const parameters = {
  client_id: client.client_id,
  redirect_uri: order.redirect_uri,
  response_type: 'code',
  scope: 'openid',
  state,
  nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
  code_challenge_method: 'S256',
  claims: JSON.stringify(order.claims),
}
const { request_uri } = await withNonce(() =>
  oauth
    .pushedAuthorizationRequest(as, client, authenticate, parameters, { DPoP })
    .then((response) => oauth.processPushedAuthorizationResponse(as, client, response)),
)
const url = new URL(as.authorization_endpoint)
url.searchParams.set('client_id', client.client_id)
url.searchParams.set('request_uri', request_uri)
const callback = oauth.validateAuthResponse(as, client, await visit(url), state)

const tokens = await withNonce(async () => {
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, authenticate, callback, order.redirect_uri, code_verifier, { DPoP },
  )
  const body = await oauth.processAuthorizationCodeResponse(as, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(as, response)
  return body
})
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await withNonce(() =>
  oauth
    .userInfoRequest(as, client, tokens.access_token, { DPoP })
    .then((response) => oauth.processUserInfoResponse(as, client, sub, response)),
)

done({
  id_token: tokens.id_token,
  access_token: tokens.access_token,
  nonce,
  token_type: tokens.token_type,
  claims: oauth.getValidatedIdTokenClaims(tokens),
  userinfo,
})
