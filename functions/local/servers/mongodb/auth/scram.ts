import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import { CommandError, notImplemented } from '../errors.ts';

/** What a server keeps of a password: enough to check a proof, too little to make one (RFC 5802, 3). */
export interface ScramSecret {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** A conversation that waits for the client's proof, and after that perhaps for an empty message. */
export interface ScramConversation {
  /** Checks the proof and gives the server's. Throws 18 (AuthenticationFailed). */
  finish(clientFinal: string): string;
}

/** The fewest that a driver accepts; a real server's 15,000 would cost every test of a connection some milliseconds. */
const iterations = 4096;
const saltBytes = 28;
const nonceBytes = 24;

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

export const authenticationFailed = () => new CommandError(18, 'Authentication failed.');

export function scramSecret(password: string): ScramSecret {
  // Others would have to be normalized (SASLprep) first.
  if (!/^[\x20-\x7e]+$/.test(password)) throw notImplemented('a password with other characters than those of ASCII');
  const salt = randomBytes(saltBytes);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  return { salt, iterations, storedKey: hash(hmac(salted, 'Client Key')), serverKey: hmac(salted, 'Server Key') };
}

/** Reads the first message of a conversation (https://www.rfc-editor.org/rfc/rfc5802#section-5). Throws 18. */
export function parseClientFirst(message: string): { user: string; nonce: string; bare: string } {
  const [, bare, user, nonce] = /^n,,(n=([^,]+),r=([^,]+))$/.exec(message) ?? [];
  if (bare === undefined || user === undefined || nonce === undefined) throw authenticationFailed();
  return { user: user.replaceAll('=2C', ',').replaceAll('=3D', '='), nonce, bare };
}

/** Answers a client's first message. */
export function startConversation(
  { nonce, bare }: { readonly nonce: string; readonly bare: string },
  secret: ScramSecret,
): { serverFirst: string; conversation: ScramConversation } {
  const both = nonce + randomBytes(nonceBytes).toString('base64');
  const serverFirst = `r=${both},s=${secret.salt.toString('base64')},i=${secret.iterations}`;
  return {
    serverFirst,
    conversation: {
      finish(clientFinal) {
        const [, unproven, given, proof] = /^(c=biws,r=([^,]+)),p=([^,]+)$/.exec(clientFinal) ?? [];
        if (unproven === undefined || given !== both || proof === undefined) throw authenticationFailed();
        const signed = `${bare},${serverFirst},${unproven}`;
        const signature = hmac(secret.storedKey, signed);
        const proofBytes = Buffer.from(proof, 'base64');
        if (proofBytes.length !== signature.length) throw authenticationFailed();
        const clientKey = Buffer.from(signature.map((byte, at) => byte ^ (proofBytes[at] ?? 0)));
        if (!timingSafeEqual(hash(clientKey), secret.storedKey)) throw authenticationFailed();
        return `v=${hmac(secret.serverKey, signed).toString('base64')}`;
      },
    },
  };
}
