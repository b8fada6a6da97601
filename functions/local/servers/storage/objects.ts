import { createHash } from 'node:crypto';
import { crc32c } from './crc32c.ts';
import { checkObjectName } from './names.ts';
import { invalid, notFound, Refusal } from './refusal.ts';

/** One object with the metadata that clients read: https://cloud.google.com/storage/docs/json_api/v1/objects */
export interface StoredObject {
  readonly name: string;
  readonly data: Buffer;
  readonly generation: number;
  readonly contentType: string;
  readonly md5Hash: string;
  readonly crc32c: string;
  /** ISO 8601. */
  readonly timeCreated: string;
}

/** What a request asks of the object as it is before it: https://cloud.google.com/storage/docs/request-preconditions */
export interface Precondition {
  /** 0: there is none. */
  readonly ifGenerationMatch?: number | undefined;
}

export interface Upload {
  readonly name: string;
  readonly data: Buffer;
  readonly contentType: string;
  /** Hashes that the client says the data has. */
  readonly md5Hash?: string | undefined;
  readonly crc32c?: string | undefined;
}

export interface Page {
  readonly objects: readonly StoredObject[];
  readonly nextPageToken?: string;
}

export interface Listing {
  readonly prefix: string;
  readonly limit: number;
  readonly pageToken?: string | undefined;
}

/** The objects of one bucket. Methods throw a Refusal where Cloud Storage would answer with an error. */
export interface ObjectStore {
  insert(upload: Upload, precondition: Precondition): StoredObject;
  get(name: string, precondition: Precondition): StoredObject;
  delete(name: string, precondition: Precondition): void;
  /** In the order of the names' UTF-8. */
  list(listing: Listing): Page;
}

/** `now` in ms since 1970. */
export function createObjectStore(now: () => number): ObjectStore {
  const objects = new Map<string, StoredObject>();
  let generation = 0;
  function check(name: string, { ifGenerationMatch }: Precondition): void {
    if (ifGenerationMatch === undefined || ifGenerationMatch === (objects.get(name)?.generation ?? 0)) return;
    throw new Refusal(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
  }
  function get(name: string, precondition: Precondition): StoredObject {
    const found = objects.get(name);
    if (found === undefined) throw notFound(`No such object: ${name}`);
    check(name, precondition);
    return found;
  }
  return {
    insert({ name, data, contentType, ...given }, precondition) {
      checkObjectName(name);
      const hashes = { md5Hash: createHash('md5').update(data).digest('base64'), crc32c: crc32c(data) };
      for (const kind of ['md5Hash', 'crc32c'] as const) {
        if ((given[kind] ?? hashes[kind]) !== hashes[kind]) throw invalid(`the data does not have the given ${kind}`);
      }
      check(name, precondition);
      generation += 1;
      const timeCreated = new Date(now()).toISOString();
      const stored = { name, data, generation, contentType, ...hashes, timeCreated };
      objects.set(name, stored);
      return stored;
    },
    get,
    delete(name, precondition) {
      get(name, precondition);
      objects.delete(name);
    },
    list({ prefix, limit, pageToken }) {
      const after = pageToken === undefined ? undefined : Buffer.from(pageToken, 'base64url');
      const found = [...objects.values()]
        .map((object) => ({ object, key: Buffer.from(object.name) }))
        .filter(({ object, key }) => object.name.startsWith(prefix) && (!after || Buffer.compare(key, after) > 0))
        .sort((a, b) => Buffer.compare(a.key, b.key));
      const page = found.slice(0, limit).map(({ object }) => object);
      const last = found.length > limit ? page.at(-1) : undefined;
      return { objects: page, ...(last && { nextPageToken: Buffer.from(last.name).toString('base64url') }) };
    },
  };
}
