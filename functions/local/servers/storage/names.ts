import { invalid } from './refusal.ts';

const longestObjectName = 1_024;

/** https://cloud.google.com/storage/docs/buckets#naming, without names of domains.
 *  @throws Refusal */
export function checkBucketName(name: string): void {
  if (/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(name) && !/^goog|google|\.\./.test(name)) return;
  throw invalid(`Invalid bucket name: '${name}'`);
}

/** https://cloud.google.com/storage/docs/objects#naming
 *  @throws Refusal */
export function checkObjectName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > longestObjectName)
    throw invalid(`the name of an object takes 1 to ${longestObjectName} bytes`);
  if (/[\r\n]/.test(name) || name === '.' || name === '..' || name.startsWith('.well-known/acme-challenge/')) {
    throw invalid(`Disallowed unicode or form in the name of an object: ${JSON.stringify(name)}`);
  }
  if (!name.isWellFormed()) throw invalid('the name of an object is not UTF-8');
}
