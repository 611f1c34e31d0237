// npm openid-client as an ordinary OpenID Connect client with a secret: code flow with PKCE, userinfo, refresh, and
// logging out at the broker.

import * as client from 'openid-client'
import { done, order, visit } from './driven.mjs'

const config = await client.discovery(
  new URL(order.issuer),
  order.client_id,
  undefined,
  client.ClientSecretBasic(order.secret),
)
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedNonce = client.randomNonce()
const expectedState = client.randomState()
const arrived = await visit(
  client.buildAuthorizationUrl(config, {
    redirect_uri: order.redirect_uri,
    scope: 'openid profile offline_access',
    prompt: 'consent',
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  }),
)
const tokens = await client.authorizationCodeGrant(config, arrived, {
  pkceCodeVerifier,
  expectedNonce,
  expectedState,
  idTokenExpected: true,
})
const { sub } = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, sub)
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
await client.fetchUserInfo(config, refreshed.access_token, sub)

done({
  id_token: tokens.id_token,
  access_token: tokens.access_token,
  nonce: expectedNonce,
  token_type: tokens.token_type,
  claims: tokens.claims(),
  userinfo,
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  logout: client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }).href,
})
