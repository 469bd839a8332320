// A real OpenID Connect provider (npm's oidc-provider) for the tests of signing in, with a few levers for them under
// /control. Whoever asks to sign in as somebody (login_hint) is taken at their word.
//
//   node provider.mjs PORT      port 0 takes a free one; prints "listening on <issuer>"
//
// Environment: ACCESS_TOKENS=opaque gives access tokens that only the provider understands; ALGORITHM is that of its
// first key, RS256 if not set.

import http from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as jose from 'jose';
import Provider, { errors } from 'oidc-provider';

const [port] = process.argv.slice(2);
const opaque = process.env.ACCESS_TOKENS === 'opaque';
const AUDIENCE = 'scaiwave';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const accounts = new Map(); // sub → { claims, token }: what ID tokens and access tokens say of somebody
const counts = {}; // path → how often it was asked for
let issuer;
let provider;
let keys = []; // private JWKs, the one that signs first
let passwords = {}; // name → password of accounts that may use the password grant
let redirectUris = ['http://127.0.0.1/not-set-yet'];
let failing = {}; // path → status that it answers with instead

function newKey(alg) {
  const kinds = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  };
  const { privateKey } = kinds[alg]();
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: randomBytes(8).toString('hex') };
}

function account(sub) {
  const known = accounts.get(sub) ?? { claims: { preferred_username: sub }, token: {} };
  return { accountId: sub, claims: async () => ({ sub, ...known.claims }) };
}

function make() {
  const alg = keys[0].alg;
  const resource = {
    scope: 'openid profile email offline_access',
    audience: AUDIENCE,
    accessTokenTTL: 3600,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg } },
  };
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: 'scaiwave',
        client_secret: 'a secret of the client',
        redirect_uris: redirectUris,
        grant_types: ['authorization_code', 'refresh_token', 'password', EXCHANGE],
        response_types: ['code'],
        id_token_signed_response_alg: alg,
      },
    ],
    jwks: { keys },
    cookies: { keys: ['a key for cookies'] },
    findAccount: (ctx, sub) => account(sub),
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'picture', 'groups', 'role', 'roles', 'tenant_id'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    pkce: { required: () => true, methods: ['S256'] },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    extraTokenClaims: (ctx, token) => accounts.get(token.accountId)?.token,
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: !opaque,
        defaultResource: () => 'urn:scaiwave',
        useGrantedResource: () => true,
        getResourceServerInfo: () => resource,
      },
    },
    interactions: { url: (ctx, interaction) => `/sign-in/${interaction.uid}` },
    ttl: { AccessToken: 3600, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 86400 },
  });

  async function grantTokens(ctx, sub) {
    const { AccessToken, IdToken, RefreshToken, Grant } = made;
    const { client } = ctx.oidc;
    const grant = new Grant({ clientId: client.clientId, accountId: sub });
    grant.addOIDCScope('openid profile email offline_access');
    grant.addResourceScope('urn:scaiwave', 'openid profile email offline_access');
    const grantId = await grant.save();
    const base = { accountId: sub, client, grantId, gty: 'password', scope: 'openid profile email' };
    const access = new AccessToken(base);
    if (!opaque) access.resourceServer = new made.ResourceServer('urn:scaiwave', resource);
    const id = new IdToken({ ...(await account(sub).claims()) }, { ctx });
    id.scope = 'openid profile email';
    const refresh = new RefreshToken({ ...base, resource: 'urn:scaiwave', rotations: 0, iiat: Math.floor(Date.now() / 1000) });
    ctx.body = {
      access_token: await access.save(),
      id_token: await id.issue({ use: 'idtoken' }),
      refresh_token: await refresh.save(),
      token_type: 'Bearer',
      expires_in: access.expiration,
    };
  }

  made.registerGrantType('password', async (ctx, next) => {
    const { username, password } = ctx.oidc.params;
    if (!passwords[username] || passwords[username] !== password) throw new errors.InvalidGrant('wrong');
    await grantTokens(ctx, username);
    await next();
  }, ['username', 'password', 'scope']);

  made.registerGrantType(EXCHANGE, async (ctx, next) => {
    const { subject_token: token, audience } = ctx.oidc.params;
    let sub;
    try {
      const keySet = jose.createLocalJWKSet({ keys: keys.map(publicPart) });
      ({ payload: { sub } } = await jose.jwtVerify(token, keySet, { issuer }));
    } catch {
      throw new errors.InvalidGrant('not a token of this provider');
    }
    const claims = { scope: 'inference' };
    ctx.body = {
      access_token: await sign({}, { iss: issuer, sub, aud: audience ?? 'elsewhere', ...claims, ...times() }),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 600,
    };
    await next();
  }, ['subject_token', 'subject_token_type', 'audience']);

  return made;
}

function times() {
  const now = Math.floor(Date.now() / 1000);
  return { iat: now, exp: now + 600 };
}

function publicPart({ d, p, q, dp, dq, qi, ...rest }) {
  return rest;
}

async function sign(header, claims, key = keys[0]) {
  const { alg, kid } = key;
  return new jose.SignJWT(claims)
    .setProtectedHeader({ alg, kid, ...header })
    .sign(await jose.importJWK(key, alg));
}

// Signs in whoever login_hint names, and agrees to whatever is asked.
async function signIn(request, response) {
  const { params, grantId } = await provider.interactionDetails(request, response);
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: params.login_hint, clientId: params.client_id });
  grant.addOIDCScope('openid profile email offline_access');
  grant.addResourceScope('urn:scaiwave', 'openid profile email offline_access');
  const result = { login: { accountId: params.login_hint }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const control = {
  // Where browsers may be sent back to.
  redirect: ({ uri }) => {
    redirectUris = [uri];
    provider = make();
  },
  account: ({ sub, claims = {}, token = {} }) => {
    accounts.set(sub, { claims: { preferred_username: sub, ...claims }, token });
  },
  password: ({ username, password }) => {
    passwords[username] = password;
  },
  // Another key from now on; the old one is gone at once.
  rotate: ({ alg = 'RS256' }) => {
    keys = [newKey(alg)];
    provider = make();
    return { kid: keys[0].kid };
  },
  // A token with these claims, by the provider's own key or, for a bad one, by a key that nobody knows.
  sign: async ({ header = {}, claims = {}, unknown_key: unknown = false }) => {
    const all = { iss: issuer, aud: AUDIENCE, ...times(), ...claims };
    return { token: await sign(header, all, unknown ? newKey(keys[0].alg) : undefined) };
  },
  fail: ({ path, status }) => {
    failing = status ? { ...failing, [path]: status } : {};
  },
  counts: () => counts,
};

async function handle(request, response) {
  const { pathname } = new URL(request.url, issuer);
  if (pathname.startsWith('/control/')) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const answer = await control[pathname.slice('/control/'.length)](JSON.parse(text || '{}'));
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(answer ?? {}));
  }
  counts[pathname] = (counts[pathname] ?? 0) + 1;
  if (failing[pathname]) {
    response.statusCode = failing[pathname];
    return response.end();
  }
  if (pathname.startsWith('/sign-in/')) return signIn(request, response);
  return provider.callback()(request, response);
}

const server = http.createServer((request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end(String(error));
  });
});
server.listen(Number(port), '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  keys = [newKey(process.env.ALGORITHM ?? 'RS256')];
  provider = make();
  console.log(`listening on ${issuer}`);
});
