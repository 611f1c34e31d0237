// npm openid-client as a FAPI 2.0 client: private_key_jwt, a signed request object in PAR, PKCE, DPoP, RAR; then
// userinfo, refresh, introspection, revocation and client_credentials.

import * as client from 'openid-client'
import { done, order, signingKey, visit } from './driven.mjs'

const key = { key: await signingKey(order.jwk), kid: order.jwk.kid }
const config = await client.discovery(new URL(order.issuer), order.client_id, undefined, client.PrivateKeyJwt(key))
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))

const code_verifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const expectedNonce = client.randomNonce()
const request = {
  redirect_uri: order.redirect_uri,
  scope: 'openid offline_access',
  prompt: 'consent',
  state: expectedState,
  nonce: expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
  code_challenge_method: 'S256',
  authorization_details: JSON.stringify(order.details),
}
const { searchParams: signed } = await client.buildAuthorizationUrlWithJAR(config, request, key)
const arrived = await visit(await client.buildAuthorizationUrlWithPAR(config, signed, { DPoP }))

const tokens = await client.authorizationCodeGrant(
  config,
  arrived,
  { pkceCodeVerifier: code_verifier, expectedState, expectedNonce, idTokenExpected: true },
  undefined,
  { DPoP },
)
const { sub } = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
const introspected = await client.tokenIntrospection(config, tokens.access_token)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
await client.fetchUserInfo(config, refreshed.access_token, sub, { DPoP })
await client.tokenRevocation(config, refreshed.refresh_token)
const afterwards = await client
  .fetchUserInfo(config, refreshed.access_token, sub, { DPoP })
  .then(() => 'still answered', (error) => error.cause?.status ?? error.status ?? String(error))
const own = await client.clientCredentialsGrant(config, { scope: 'partner' }, { DPoP })

done({
  id_token: tokens.id_token,
  access_token: tokens.access_token,
  nonce: expectedNonce,
  token_type: tokens.token_type,
  authorization_details: tokens.authorization_details,
  claims: tokens.claims(),
  userinfo,
  introspected,
  same_refresh_token: refreshed.refresh_token === tokens.refresh_token,
  afterwards,
  own_access_token: own.access_token,
})
