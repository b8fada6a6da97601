import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { type Clock, secondMs } from '../../../src/clock.ts';
import { tokenSeconds, uidOf, unsignedIdToken } from './idToken.ts';
import type { SignIn, User, Users } from './users.ts';

const toolkit = '/identitytoolkit.googleapis.com/v1';

/** The SDKs send this instead of a credential of the cloud:
 *  https://firebase.google.com/docs/emulator-suite/connect_auth#admin_sdks */
const adminToken = 'Bearer owner';

const passwordSchema = z.looseObject({ email: z.string(), password: z.string() });
/** The unsigned credential of a provider that emulators take:
 *  https://firebase.google.com/docs/emulator-suite/connect_auth#google_idp_sign-in */
const credentialSchema = z.looseObject({ sub: z.string(), email: z.string() });
const clientLookupSchema = z.looseObject({ idToken: z.string() });
const adminLookupSchema = z.looseObject({
  localId: z.array(z.string()).default([]),
  email: z.array(z.string()).default([]),
});
const adminUpdateSchema = z.looseObject({
  localId: z.string(),
  customAttributes: z.string().optional(),
  validSince: z.coerce.number().optional(),
  disableUser: z.boolean().optional(),
});
const adminCreateSchema = z.looseObject({
  localId: z.string().optional(),
  email: z.string(),
  password: z.string().default(''),
  emailVerified: z.boolean().default(false),
});

/** What `firebase/auth` needs of Identity Toolkit and Secure Token for signing in with a password, and what the Admin
 *  SDK needs for roles and revocation; everything else is refused by name.
 *  https://cloud.google.com/identity-platform/docs/reference/rest */
export function createAuthService(projectId: string, users: Users, clock: Clock): Hono {
  const app = new Hono();
  const nowSeconds = () => Math.floor(clock.now() / secondMs);

  function tokenFor(user: User, { authTime }: SignIn): string {
    const issuedAt = nowSeconds();
    return unsignedIdToken(projectId, user, { authTime, issuedAt, expiresAt: issuedAt + tokenSeconds });
  }

  /** What every way to sign in answers. */
  function signedIn(user: User) {
    if (user.disabled) throw refusal(400, 'USER_DISABLED');
    const { refreshToken, signIn } = users.signIn(user.uid);
    const idToken = tokenFor(user, signIn);
    return { localId: user.uid, email: user.email, idToken, refreshToken, expiresIn: String(tokenSeconds) };
  }

  app.use(`${toolkit}/projects/*`, async (context, next) => {
    if (context.req.header('authorization') !== adminToken) throw refusal(403, 'PERMISSION_DENIED');
    await next();
  });

  app.post(`${toolkit}/:call{accounts:signInWithPassword}`, async (context) => {
    const { email, password } = await read(passwordSchema, context.req.json());
    const user = users.byEmail(email);
    if (user === undefined || user.password !== password) throw refusal(400, 'INVALID_LOGIN_CREDENTIALS');
    return context.json({ kind: 'identitytoolkit#VerifyPasswordResponse', registered: true, ...signedIn(user) });
  });

  app.post(`${toolkit}/:call{accounts:signInWithIdp}`, async (context) => {
    const { postBody } = await read(z.looseObject({ postBody: z.string() }), context.req.json());
    const posted = new URLSearchParams(postBody);
    const { sub, email } = await read(credentialSchema, parseJson(posted.get('id_token')));
    const user = users.byEmail(email) ?? users.add({ email: email.toLowerCase(), emailVerified: true });
    return context.json({
      kind: 'identitytoolkit#VerifyAssertionResponse',
      providerId: posted.get('providerId'),
      federatedId: sub,
      emailVerified: true,
      rawUserInfo: posted.get('id_token'),
      ...signedIn(user),
    });
  });

  app.post('/securetoken.googleapis.com/v1/token', async (context) => {
    const { refresh_token: refreshToken } = await read(
      z.looseObject({ refresh_token: z.string() }),
      context.req.parseBody(),
    );
    const signIn = users.refreshed(refreshToken);
    const user = users.byUid(signIn?.uid ?? '');
    if (signIn === undefined || user === undefined) throw refusal(400, 'TOKEN_EXPIRED');
    const idToken = tokenFor(user, signIn);
    return context.json({
      id_token: idToken,
      access_token: idToken,
      refresh_token: refreshToken,
      expires_in: String(tokenSeconds),
      token_type: 'Bearer',
      user_id: user.uid,
      project_id: projectId,
    });
  });

  app.post(`${toolkit}/:call{accounts:lookup}`, async (context) => {
    const { idToken } = await read(clientLookupSchema, context.req.json());
    const user = users.byUid(uidOf(idToken) ?? '');
    if (user === undefined) throw refusal(400, 'USER_NOT_FOUND');
    return context.json({ kind: 'identitytoolkit#GetAccountInfoResponse', users: [accountInfo(user)] });
  });

  app.post(`${toolkit}/projects/:project/:call{accounts:lookup}`, async (context) => {
    const { localId, email } = await read(adminLookupSchema, context.req.json());
    const found = [...localId.map(users.byUid), ...email.map(users.byEmail)].filter((user) => user !== undefined);
    return context.json({ ...(found.length > 0 && { users: found.map(accountInfo) }) });
  });

  app.post(`${toolkit}/projects/:project/:call{accounts:update}`, async (context) => {
    const { localId, customAttributes, validSince, disableUser } = await read(adminUpdateSchema, context.req.json());
    const changed = users.change(localId, {
      ...(customAttributes !== undefined && { customAttributes }),
      ...(validSince !== undefined && { validSince }),
      ...(disableUser !== undefined && { disabled: disableUser }),
    });
    if (changed === undefined) throw refusal(400, 'USER_NOT_FOUND');
    return context.json({ localId });
  });

  app.post(`${toolkit}/projects/:project/accounts`, async (context) => {
    const { localId: uid, email, password, emailVerified } = await read(adminCreateSchema, context.req.json());
    if (users.byEmail(email)) throw refusal(400, 'EMAIL_EXISTS');
    const added = users.add({ email: email.toLowerCase(), password, emailVerified, ...(uid !== undefined && { uid }) });
    return context.json({ localId: added.uid });
  });

  app.get(`${toolkit}/projects/:project/:call{accounts:batchGet}`, (context) =>
    context.json({ users: users.all().map(accountInfo) }),
  );

  app.notFound((context) => {
    const message = `UNIMPLEMENTED : the local stand-in has no ${context.req.method} ${context.req.path}`;
    return context.json({ error: { code: 501, message } }, 501);
  });
  app.onError((error, context) => {
    if (!(error instanceof HTTPException)) throw error;
    return context.json({ error: { code: error.status, message: error.message, errors: [] } }, error.status);
  });
  return app;
}

async function parseJson(text: string | null): Promise<unknown> {
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw refusal(400, 'INVALID_IDP_RESPONSE : expected an unsigned credential as JSON');
  }
}

/** The SDKs read the code of an error from its message. */
function refusal(status: 400 | 403, message: string): HTTPException {
  return new HTTPException(status, { message });
}

async function read<Schema extends z.ZodType>(schema: Schema, body: Promise<unknown>): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await body);
  if (!parsed.success) throw refusal(400, `INVALID_ARGUMENT : ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function accountInfo({ uid, email, emailVerified, disabled, customAttributes, validSince, createdAt }: User) {
  return {
    localId: uid,
    email,
    emailVerified,
    disabled,
    customAttributes,
    validSince: String(validSince),
    createdAt: String(createdAt),
    lastLoginAt: String(createdAt),
    providerUserInfo: [{ providerId: 'password', email, federatedId: email, rawId: email }],
  };
}
