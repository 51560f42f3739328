// A company's OpenID provider, for the test suite: the real oidc-provider, which nobody here
// wrote, with people and clients that the tests register. What it answers to the portal is its
// own; only the page where people type their name is ours.
//
// Run it with TEST_OIDC naming the folder whose node_modules has oidc-provider, and with nothing
// but an open stdin. It prints one line of JSON on stdout once it serves,
// {"url": "http://127.0.0.1:PORT"}, and ends when stdin ends, so that it cannot outlive the test
// process that holds the other end of the pipe.
//
// Browsers that send `x-test-user: NAME` are not shown the page: that person signs in by redirects
// alone. A load test has no time for forms.
//
// The tests fill it and look into it through addresses that no real provider has. All take and
// give JSON, and answer a misspelt body with 400, so that a test fails where its mistake is:
//
// POST /test/clients         registers a client, or replaces it: any metadata of oidc-provider
// POST /test/people          creates or changes a person; keys left out keep their value, and
//                            what is null, the provider does not know of them
// POST /test/outage          {"on": true}: connections are reset, save those to /test
// POST /test/logout          {"username"}: ends the person's sessions, and tells their clients
// POST /test/rotate-keys     signs with new keys from now on; {"keep": false} drops the old ones
// GET  /test/refreshes       {"USERNAME": [when each refresh token call came in, in ms]}
// POST /test/refreshes/reset
// GET  /test/seen            what clients' servers and browsers asked of the protocol's endpoints
// POST /test/seen/reset

import { generateKeyPair, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

// stdout carries the one line that says where this serves. The library's advice for those who go
// into production is of no use here; errors still reach stderr.
console.info = console.warn = () => {};

const folder = process.env.TEST_OIDC;
if (!folder) {
  console.error('TEST_OIDC must name the folder whose node_modules has oidc-provider');
  process.exit(2);
}
const library = createRequire(join(folder, 'package.json')).resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(library));

// What is stored. The library's own store forgets all but the last 1,000 things; a drill has more
// sessions than that.

/** By model and id. */
const store = new Map();
/** Of each grant, the keys of what was issued under it. */
const issued = new Map();
/** The session's id of each session's uid. */
const uids = new Map();
/** Whose each refresh token is, used ones and revoked ones included. */
const owners = new Map();

class Adapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    store.set(key, { payload, ends: expiresIn ? Date.now() + expiresIn * 1000 : Infinity });
    if (this.model === 'Session') {
      uids.set(payload.uid, id);
    }
    if (this.model === 'RefreshToken') {
      owners.set(id, payload.accountId);
    }
    // A session names no grant of its own, and a grant is not issued under itself.
    if (payload.grantId) {
      if (!issued.has(payload.grantId)) {
        issued.set(payload.grantId, new Set());
      }
      issued.get(payload.grantId).add(key);
    }
  }

  async find(id) {
    const key = this.key(id);
    const found = store.get(key);
    if (found && found.ends <= Date.now()) {
      store.delete(key);
      return undefined;
    }
    return found?.payload;
  }

  async findByUid(uid) {
    return this.find(uids.get(uid));
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    store.get(this.key(id)).payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    store.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of issued.get(grantId) ?? []) {
      store.delete(key);
    }
    issued.delete(grantId);
  }
}

function sessionsOf(sub) {
  return [...store]
    .filter(([key, { payload }]) => key.startsWith('Session:') && payload.accountId === sub)
    .map(([key, { payload }]) => ({ key, authorizations: payload.authorizations ?? {} }));
}

// People

/** By username. */
const people = new Map();
/** The same people by their subject. */
const subjects = new Map();

function account(sub) {
  const person = subjects.get(sub);
  if (!person?.active) {
    return undefined;
  }
  return {
    accountId: sub,
    // The library gives of these what the scopes and the client's registration allow.
    async claims() {
      return present({
        sub,
        preferred_username: person.username,
        name: person.name,
        email: person.email,
        email_verified: person.email_verified,
        groups: person.groups,
        realm_access: person.realm_roles && { roles: person.realm_roles },
      });
    },
  };
}

/** Without the members that are null. */
function present(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value != null));
}

/** The same, where it has all that is required and nothing unheard of. */
function checked(body, required, optional) {
  const missing = required.filter((name) => body[name] === undefined);
  const unknown = Object.keys(body).filter((name) => ![...required, ...optional].includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new Error(`missing: ${missing}; unknown: ${unknown}`);
  }
  return body;
}

function savePerson(body) {
  const details = ['sub', 'name', 'email', 'email_verified', 'groups', 'realm_roles', 'active'];
  checked(body, ['username'], details);
  const known = people.get(body.username);
  if (known && body.sub && body.sub !== known.sub) {
    throw new Error('a person keeps their subject');
  }
  const person = Object.assign(known ?? { sub: `sub-${randomUUID()}`, active: true }, body);
  people.set(person.username, person);
  subjects.set(person.sub, person);
  if (!person.active) {
    // Their browsers are asked who they are again; account() refuses their tokens.
    sessionsOf(person.sub).forEach(({ key }) => store.delete(key));
  }
  return { sub: person.sub };
}

function personNamed(username) {
  const person = people.get(username);
  if (!person) {
    throw new Error(`nobody is called ${username}`);
  }
  return person;
}

// The provider

const generate = promisify(generateKeyPair);

async function newKeys() {
  const kinds = [
    ['rsa', { modulusLength: 2048 }, 'RS256'],
    ['ec', { namedCurve: 'P-256' }, 'ES256'],
    ['ed25519', {}, 'EdDSA'],
  ];
  return Promise.all(kinds.map(async ([kind, options, alg]) => {
    const { privateKey } = await generate(kind, options);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: randomUUID() };
  }));
}

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const HOUR = 3600;

function newProvider(issuer, keys) {
  const provider = new Provider(issuer, {
    adapter: Adapter,
    jwks: { keys },
    findAccount: (_ctx, sub) => account(sub),
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      backchannel_logout_session_required: true,
    },
    scopes: ['openid', 'offline_access'],
    claims: {
      acr: null,
      auth_time: null,
      iss: null,
      sid: null,
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups', 'realm_access'],
    },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    enabledJWA: {
      idTokenSigningAlgValues: ALGORITHMS,
      userinfoSigningAlgValues: ALGORITHMS,
      clientAuthSigningAlgValues: [...ALGORITHMS, 'ES384'],
    },
    // A client that does not want them registers without `refresh_token` in `grant_types`.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      jwtUserinfo: { enabled: true },
      backchannelLogout: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = page(`${form}
            <button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`);
        },
        postLogoutSuccessSource(ctx) {
          ctx.body = page('Signed out.');
        },
      },
    },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: 60,
      Grant: 24 * HOUR,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: 24 * HOUR,
      Session: 24 * HOUR,
    },
    renderError(ctx, out, error) {
      ctx.body = page(`Error: ${escaped(`${out.error}: ${out.error_description}`)}`);
      if (ctx.status >= 500) {
        console.error(error);
      }
    },
    // The library does not call into private networks; the portals of the tests are there.
    fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.use(record);
  return provider;
}

// What is asked of it

let seen = [];
let refreshes = new Map();

/** How a client says who it is. */
function clientAuth(ctx) {
  const body = ctx.oidc?.body ?? {};
  if (ctx.get('authorization').startsWith('Basic ')) return 'basic';
  if (body.client_assertion !== undefined) return 'private_key_jwt';
  if (body.client_secret !== undefined) return 'post';
  return body.client_id === undefined ? null : 'none';
}

async function record(ctx, next) {
  const at = Date.now();
  await next();
  const { oidc } = ctx;
  const grantType = oidc?.body?.grant_type;
  if (oidc?.route === 'token' && grantType === 'refresh_token') {
    const username = subjects.get(owners.get(oidc.body.refresh_token))?.username;
    if (username !== undefined) {
      if (!refreshes.has(username)) {
        refreshes.set(username, []);
      }
      refreshes.get(username).push(at);
    }
  }
  seen.push({
    at,
    method: ctx.method,
    path: ctx.path,
    route: oidc?.route ?? null,
    status: ctx.status,
    client_id: oidc?.client?.clientId ?? null,
    client_auth: clientAuth(ctx),
    grant_type: grantType ?? null,
  });
}

// The page where people say who they are

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

function page(content) {
  return `<!DOCTYPE html><meta charset="utf-8"><title>Company sign-in</title>${content}`;
}

function signInPage(hint, complaint) {
  return page(`${complaint}
    <form method="post">
      <input name="username" value="${escaped(hint)}">
      <button type="submit">Sign in</button>
    </form>`);
}

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  let sub = session?.accountId;
  if (prompt.name === 'login') {
    let username = req.headers['x-test-user'];
    if (req.method === 'POST') {
      username = new URLSearchParams(await text(req)).get('username') ?? '';
    }
    const person = people.get(decoded(username));
    if (!person?.active) {
      const complaint = username === undefined ? '' : 'Nobody by this name may sign in.';
      res.setHeader('content-type', 'text/html; charset=utf-8');
      res.end(signInPage(params.login_hint ?? '', complaint));
      return;
    }
    sub = person.sub;
  }
  // Everybody agrees to everything that the client asks for.
  let grant = grantId && (await provider.Grant.find(grantId));
  if (grant?.accountId !== sub) {
    grant = new provider.Grant({ accountId: sub, clientId: params.client_id });
  }
  grant.addOIDCScope(params.scope);
  const result = { consent: { grantId: await grant.save() } };
  if (prompt.name === 'login') {
    result.login = { accountId: sub };
  }
  await provider.interactionFinished(req, res, result);
}

/** A header's value: percent-encoded where it is not ASCII. */
function decoded(username) {
  try {
    return username === undefined ? undefined : decodeURIComponent(username);
  } catch {
    return username;
  }
}

// The tests' own controls

let provider;
/** The provider's own answer to a request. */
let answer;
let keys;
let isOut = false;

async function saveClient(body) {
  const metadata = present(body);
  // Throws where the library does not like what is registered.
  await provider.Client.validate(metadata);
  await new Adapter('Client').upsert(metadata.client_id, metadata);
  return { client_id: metadata.client_id };
}

async function logOut(body) {
  const { sub } = personNamed(checked(body, ['username'], []).username);
  const told = [];
  const failed = [];
  for (const { key, authorizations } of sessionsOf(sub)) {
    for (const [clientId, { sid, grantId }] of Object.entries(authorizations)) {
      const client = await provider.Client.find(clientId);
      if (client?.backchannelLogoutUri) {
        try {
          await client.backchannelLogout(sub, sid);
          told.push(clientId);
        } catch (error) {
          failed.push(`${clientId}: ${error.message}`);
        }
      }
      // As at the provider's own end_session.
      await new Adapter('Grant').revokeByGrantId(grantId);
      await new Adapter('Grant').destroy(grantId);
    }
    store.delete(key);
  }
  return { told, failed };
}

/** With these keys from now on. All else that a provider has is in the store. */
function begin(issuer, its) {
  keys = its;
  provider = newProvider(issuer, keys);
  answer = provider.callback();
}

async function rotateKeys(body) {
  const { keep = true } = checked(body, [], ['keep']);
  const fresh = await newKeys();
  // The library signs with the first key that fits.
  begin(provider.issuer, keep ? [...fresh, ...keys] : fresh);
  return { kids: keys.map(({ kid }) => kid) };
}

const controls = {
  'POST /test/clients': saveClient,
  'POST /test/people': savePerson,
  'POST /test/logout': logOut,
  'POST /test/rotate-keys': rotateKeys,
  'POST /test/outage'(body) {
    isOut = checked(body, ['on'], []).on === true;
    return { on: isOut };
  },
  'GET /test/refreshes': () => Object.fromEntries(refreshes),
  'POST /test/refreshes/reset'() {
    refreshes = new Map();
    return {};
  },
  'GET /test/seen': () => seen,
  'POST /test/seen/reset'() {
    seen = [];
    return {};
  },
};

async function text(req) {
  const chunks = [];
  for await (const chunk of req) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function control(req, res) {
  const action = controls[`${req.method} ${req.url}`];
  let status = action ? 200 : 404;
  let result = { error: `no ${req.method} ${req.url}` };
  if (action) {
    try {
      const body = await text(req);
      result = await action(body ? JSON.parse(body) : {});
    } catch (error) {
      status = 400;
      result = { error: `${error.message} ${error.error_description ?? ''}` };
    }
  }
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(result));
}

async function serve(req, res) {
  if (req.url.startsWith('/test/')) {
    await control(req, res);
  } else if (isOut) {
    const nothing = { route: null, status: null, client_id: null, client_auth: null, grant_type: null };
    seen.push({ at: Date.now(), method: req.method, path: req.url.split('?')[0], ...nothing });
    req.socket.destroy();
  } else if (req.url.startsWith('/interaction/')) {
    await interact(req, res);
  } else {
    await answer(req, res);
  }
}

const server = createServer((req, res) => {
  serve(req, res).catch((error) => {
    // An interaction without its cookies, for example.
    if (res.headersSent) {
      res.destroy();
      return;
    }
    res.writeHead(400, { 'content-type': 'text/html; charset=utf-8' });
    res.end(page(`Error: ${escaped(String(error))}`));
  });
});
// Longer than any client keeps an idle connection, which it would else reuse as it is closed.
server.keepAliveTimeout = 120_000;
server.listen({ host: '127.0.0.1', port: 0, backlog: 512 }, async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  begin(url, await newKeys());
  process.stdout.write(`${JSON.stringify({ url })}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
process.stdin.on('error', () => process.exit(0));
