import { type Bucket, BucketError, type ObjectInfo } from '../../src/storage/bucket.ts';

/** A bucket in memory. `refuse` names what the next calls answer, by the name of the object. */
export interface FakeBucket extends Pick<Bucket, 'find' | 'deleteVersion' | 'list'> {
  /** Uploads a file, also over another one. */
  upload(name: string, createdAt?: number): void;
  names(): string[];
  /** Calls so far, by kind. */
  readonly calls: { find: number; deleteVersion: number; list: number };
  /** Runs before a file is deleted: what others do in between. */
  beforeDelete: (name: string) => void | Promise<void>;
  readonly refuse: Map<string, number>;
}

export function fakeBucket(): FakeBucket {
  const objects = new Map<string, ObjectInfo>();
  const refuse = new Map<string, number>();
  const calls = { find: 0, deleteVersion: 0, list: 0 };
  let generation = 0;
  const check = (name: string) => {
    const code = refuse.get(name);
    if (code !== undefined)
      throw new BucketError(`call for ${name}`, Object.assign(new Error(`status ${code}`), { code }));
  };
  const bucket: FakeBucket = {
    calls,
    refuse,
    beforeDelete: () => undefined,
    upload(name, createdAt = 0) {
      generation += 1;
      objects.set(name, { name, bytes: 10, createdAt, generation: String(generation) });
    },
    names: () => [...objects.keys()].sort(),
    async find(name) {
      calls.find += 1;
      check(name);
      return objects.get(name);
    },
    async deleteVersion(name, version) {
      calls.deleteVersion += 1;
      await bucket.beforeDelete(name);
      check(name);
      const found = objects.get(name);
      if (found === undefined) return 'absent';
      if (found.generation !== version) return 'changed';
      objects.delete(name);
      return 'deleted';
    },
    async list({ prefix, limit, from }) {
      calls.list += 1;
      const all = bucket.names().filter((name) => name.startsWith(prefix) && (from === undefined || name >= from));
      const page = all.slice(0, limit).flatMap((name) => objects.get(name) ?? []);
      return { objects: page, next: all[limit] };
    },
  };
  return bucket;
}
