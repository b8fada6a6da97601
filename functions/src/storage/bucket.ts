import type { App } from 'firebase-admin/app';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { within } from '../waiting.ts';

/** What is known of an object without reading it. */
export interface ObjectInfo {
  readonly name: string;
  /** Size in bytes. */
  readonly bytes: number;
  /** When this version of it was uploaded, in ms since 1970. */
  readonly createdAt: number;
  /** Which version it is; what is uploaded again is another one
   *  (https://cloud.google.com/storage/docs/metadata#generation-number). */
  readonly generation: string;
}

export interface ObjectPage {
  /** In the order of their names. */
  readonly objects: readonly ObjectInfo[];
  /** Where the next page begins; undefined after the last one. */
  readonly next: string | undefined;
}

/** One bucket of Cloud Storage. Every call may be repeated: what is done already is an answer, not an error. Other
 *  failures raise a `BucketError`. */
export interface Bucket {
  readonly name: string;
  /** Overwrites nothing: `existed` where there is an object of that name, whatever it holds. */
  saveIfAbsent(object: string, data: Uint8Array): Promise<'saved' | 'existed'>;
  /** Undefined when there is no such object. Its checksum has been verified. */
  read(object: string): Promise<Buffer | undefined>;
  exists(object: string): Promise<boolean>;
  /** Undefined when there is no such object. */
  find(object: string): Promise<ObjectInfo | undefined>;
  delete(object: string): Promise<'deleted' | 'absent'>;
  /** Deletes this version of an object and no other one. */
  deleteVersion(object: string, generation: string): Promise<'deleted' | 'absent' | 'changed'>;
  /** One page of the objects whose names begin with a prefix. */
  list(listing: {
    readonly prefix: string;
    readonly limit: number;
    readonly from?: string | undefined;
  }): Promise<ObjectPage>;
}

/** A call of Cloud Storage failed: what, on what, and what it said. */
export class BucketError extends Error {
  /** Whether no retry helps before a person has changed something: Cloud Storage has looked at the call and said no. */
  readonly isRefused: boolean;
  constructor(what: string, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    super(`${what} failed: ${said}. Check that the bucket exists and what this account may do in it`, { cause });
    this.name = 'BucketError';
    const code = failureSchema.safeParse(cause).data?.code ?? 0;
    this.isRefused = code >= 400 && code < 500 && !passing.has(code);
  }
}

/** How long one call may take with the client's own retries, in ms. An archived page has less than 1 MiB; the client by
 *  itself would try for ten minutes. */
const patienceMs = 60_000;

const status = { notFound: 404, preconditionFailed: 412 } as const;

/** Failures of a client that may pass: https://cloud.google.com/storage/docs/retry-strategy#retryable */
const passing: ReadonlySet<number> = new Set([408, 429]);

const failureSchema = z.looseObject({ code: z.number(), message: z.string() });

const metadataSchema = z.looseObject({
  name: z.string(),
  size: z.coerce.number(),
  timeCreated: z.coerce.date(),
  generation: z.coerce.string().min(1),
});

function infoOf(metadata: unknown): ObjectInfo {
  const { name, size, timeCreated, generation } = metadataSchema.parse(metadata);
  return { name, bytes: size, createdAt: timeCreated.getTime(), generation };
}

/** The next page's query as the client gives it. */
const nextSchema = z.looseObject({ pageToken: z.string() });

/** Opens a bucket with the Admin SDK; `STORAGE_EMULATOR_HOST` (an address with `http://`) names a local server. The
 *  code of Cloud Storage is loaded here and not with this file: most functions never need it. */
export async function openBucket(app: App, name: string, clock: Clock): Promise<Bucket> {
  const { getStorage } = await import('firebase-admin/storage');
  const bucket = getStorage(app).bucket(name);

  async function call<T, A>(what: string, answers: Readonly<Record<number, A>>, run: () => Promise<T>): Promise<T | A> {
    try {
      const answer = run();
      if (await within(clock, patienceMs, answer)) return await answer;
    } catch (error) {
      const known = Object.entries(answers).find(([code]) => Number(code) === statusOf(error));
      if (known !== undefined) return known[1];
      throw new BucketError(`${what} in bucket ${name}`, error);
    }
    throw new BucketError(`${what} in bucket ${name}`, new Error(`no answer within ${patienceMs / 1_000} s`));
  }

  return {
    name,
    saveIfAbsent: (object, data) =>
      call(`saving ${object}`, { [status.preconditionFailed]: 'existed' as const }, async () => {
        await bucket.file(object).save(Buffer.from(data), {
          // One request: what is saved here is small.
          resumable: false,
          contentType: 'application/octet-stream',
          preconditionOpts: { ifGenerationMatch: 0 },
        });
        return 'saved' as const;
      }),
    read: (object) =>
      call(`reading ${object}`, { [status.notFound]: undefined }, async () => {
        const [data] = await bucket.file(object).download();
        return data;
      }),
    exists: (object) =>
      call(`looking for ${object}`, { [status.notFound]: false }, async () => {
        await bucket.file(object).getMetadata();
        return true;
      }),
    delete: (object) =>
      call(`deleting ${object}`, { [status.notFound]: 'absent' as const }, async () => {
        await bucket.file(object).delete();
        return 'deleted' as const;
      }),
    find: (object) =>
      call(`looking at ${object}`, { [status.notFound]: undefined }, async () => {
        const [metadata] = await bucket.file(object).getMetadata();
        return infoOf(metadata);
      }),
    deleteVersion: (object, generation) => {
      const answers = { [status.notFound]: 'absent' as const, [status.preconditionFailed]: 'changed' as const };
      return call(`deleting ${object}`, answers, async () => {
        await bucket.file(object).delete({ ifGenerationMatch: generation });
        return 'deleted' as const;
      });
    },
    list: ({ prefix, limit, from }) =>
      call(`listing ${prefix}`, {}, async () => {
        const query = { prefix, maxResults: limit, autoPaginate: false, ...(from && { pageToken: from }) };
        const [files, nextQuery] = await bucket.getFiles(query);
        const objects = files.map(({ metadata }) => infoOf(metadata));
        return { objects, next: nextSchema.safeParse(nextQuery).data?.pageToken };
      }),
  };
}

/** The status that says something of the object. That the whole bucket is missing is a mistake of the deployment, and
 *  nothing that an object could be. */
function statusOf(error: unknown): number | undefined {
  const failure = failureSchema.safeParse(error).data;
  return failure && /bucket does not exist/i.test(failure.message) ? undefined : failure?.code;
}
