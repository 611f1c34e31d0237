// npm `oidc-provider` with its storage in memory, as the measure of tests/bench/authorization_rates.py: reads its configuration
// (JSON) from the file named on the command line, prints {"issuer", "opaque"} and serves until it is ended.
//
// configuration: clients, jwks, people {id: claims}, tokens (how many opaque access tokens to make), jkt (their DPoP key)
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const api = 'https://api.example'

// Its own quick start keeps a thousand entries and forgets the rest, tokens among them.
const kept = new Map()
class Memory {
  constructor(name) { this.name = name }
  async upsert(id, payload) { kept.set(`${this.name}:${id}`, payload) }
  async find(id) { return kept.get(`${this.name}:${id}`) }
  async consume(id) { kept.get(`${this.name}:${id}`).consumed = Math.floor(Date.now() / 1000) }
  async destroy(id) { kept.delete(`${this.name}:${id}`) }
  async revokeByGrantId() {}
}

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: settings.jwks,
  clients: settings.clients,
  scopes: ['openid', 'partner'],
  claims: { openid: ['sub', 'name'] },
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  ttl: { AccessToken: 3600, ClientCredentials: 300, Grant: 3600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => false,
      getResourceServerInfo: () => ({ scope: 'partner', audience: api, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
  findAccount: (_, id) => settings.people[id] && { accountId: id, claims: async () => ({ sub: id, ...settings.people[id] }) },
})
provider.proxy = false
server.on('request', provider.callback())

const client = await provider.Client.find(settings.clients[0].client_id)
const opaque = []
for (let made = 0; made < settings.tokens; made += 1) {
  const accountId = Object.keys(settings.people)[made % Object.keys(settings.people).length]
  const grant = new provider.Grant({ accountId, clientId: client.clientId })
  grant.addOIDCScope('openid')
  grant.addOIDCClaims(['name'])
  const token = new provider.AccessToken({
    accountId, client, grantId: await grant.save(), scope: 'openid', gty: 'authorization_code', jkt: settings.jkt,
    claims: { userinfo: { name: null } },
  })
  opaque.push(await token.save())
}
console.log(JSON.stringify({ issuer, opaque }))
