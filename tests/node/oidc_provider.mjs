// npm `oidc-provider`, a certified OpenID provider, as a process: reads its configuration (JSON) from the file named on the
// command line, prints {"issuer": ...} when it listens, and runs until it is ended.
//
// configuration: port, jwks, clients, people {id: claims}, acr, amr, pushed (request_uri required), claims {scope: [names]}
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const server = createServer()
await new Promise((resolve) => server.listen(settings.port ?? 0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  jwks: settings.jwks,
  clients: settings.clients,
  claims: settings.claims,
  acrValues: settings.acr,
  scopes: ['openid', 'offline_access'],
  responseTypes: ['code'],
  enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'], userinfoSigningAlgValues: ['ES256'] },
  pkce: { required: () => true },
  conformIdTokenClaims: true,
  rotateRefreshToken: true,
  cookies: { keys: ['only for tests'] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Grant: 3600, Interaction: 600, Session: 3600, RefreshToken: 3600 },
  features: {
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: settings.pushed ?? false },
    jwtUserinfo: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => settings.people[id] && { accountId: id, claims: async () => ({ sub: id, ...settings.people[id] }) },
  renderError: (ctx, out) => { ctx.type = 'json'; ctx.body = out },
})

const application = provider.callback()

function page(uid) {
  const buttons = Object.keys(settings.people).map((id) => `<button name="person" value="${id}">${id}</button>`)
  return `<!doctype html><form method="post" action="/interaction/${uid}">${buttons.join('')}`
    + '<button name="decision" value="cancel">cancel</button></form>'
}

async function interact(request, response) {
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html').end(page(request.url.split('/')[2]))
    return
  }
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const form = new URLSearchParams(Buffer.concat(chunks).toString())
  if (form.get('decision') === 'cancel') {
    await provider.interactionFinished(request, response, { error: 'access_denied' })
    return
  }
  const { params } = await provider.interactionDetails(request, response)
  const accountId = form.get('person')
  const grant = new provider.Grant({ accountId, clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  const login = { accountId, amr: settings.amr, remember: false, ...(settings.acr ? { acr: settings.acr[0] } : {}) }
  await provider.interactionFinished(request, response, { login, consent: { grantId: await grant.save() } })
}

server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return application(request, response)
  return interact(request, response).catch((error) => response.writeHead(500).end(String(error)))
})
console.log(JSON.stringify({ issuer }))
