import type { Firestore, QueryDocumentSnapshot } from 'firebase-admin/firestore';
import type { Config } from '../config/defineConfig.ts';
import type { Log } from '../log.ts';
import { fileFieldsOf, filesOfDocument, keyOnly } from './documentFiles.ts';
import { fileRecords, readReference } from './fileRecords.ts';
import type { FileSettings } from './fileSettings.ts';

/** Values that one query may ask for
 *  (https://firebase.google.com/docs/firestore/query-data/queries#limits_on_or_queries). */
const namesPerQuery = 30;

/** Records that one query reads at most; where there are more, some files are named very often, and each is asked for
 *  by itself. */
const recordsPerQuery = 60;

/** Holders of one file that are looked at: one that still names it is enough. */
const holdersPerFile = 10;

/** Whether somebody names a file.
 *  `stale`: only records do, whose assets are gone or name it no more: news of them is still on its way. Or one that
 *  cannot be understood: until it is repaired or removed. */
export type Naming = 'named' | 'stale' | 'free';

export interface NamingDependencies {
  readonly firestore: Firestore;
  readonly config: Pick<Config, 'collections'>;
  readonly settings: FileSettings;
  readonly log: Log;
}

/** Which of the files are named by whom, by their records, each of which is held against the asset itself. Costs one
 *  read per file that nobody names (30 in one query at most), and 2 per holder otherwise. */
export async function namingOf(
  dependencies: NamingDependencies,
  names: readonly string[],
): Promise<ReadonlyMap<string, { readonly naming: Naming; readonly assets: readonly string[] }>> {
  const found = await Promise.all(chunksOf(names).map((chunk) => namingOfChunk(dependencies, chunk)));
  return new Map(found.flat());
}

async function namingOfChunk(dependencies: NamingDependencies, names: readonly string[]) {
  const records = await recordsNaming(dependencies.firestore, names);
  const read = records.map((record) => ({ record, reference: readReference(dependencies.log, record) }));
  const references = read.flatMap(({ reference }) => reference ?? []);
  const unreadable = read.flatMap(({ record, reference }) => (reference === undefined ? namesIn(record) : []));
  const assets = references.filter(({ kind }) => kind === 'asset').map(({ id }) => id);
  const current = await namesOfAssets(dependencies, [...new Set(assets)]);
  return names.map((name) => {
    const holders = references.filter((reference) => reference.names.includes(name));
    const isNamed = holders.some(({ kind, id }) => kind === 'archive' || current.get(id)?.has(name) === true);
    const naming: Naming = isNamed ? 'named' : holders.length > 0 || unreadable.includes(name) ? 'stale' : 'free';
    return [name, { naming, assets: holders.filter(({ kind }) => kind === 'asset').map(({ id }) => id) }] as const;
  });
}

async function recordsNaming(
  firestore: Firestore,
  names: readonly string[],
): Promise<readonly QueryDocumentSnapshot[]> {
  const { docs } = await fileRecords(firestore)
    .where('names', 'array-contains-any', names)
    .limit(recordsPerQuery)
    .get();
  if (docs.length < recordsPerQuery) return docs;
  const each = await Promise.all(
    names.map((name) => fileRecords(firestore).where('names', 'array-contains', name).limit(holdersPerFile).get()),
  );
  return each.flatMap((result) => result.docs);
}

/** The files that assets name now; none for one that is gone. */
async function namesOfAssets(
  { firestore, config, settings }: NamingDependencies,
  paths: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  if (paths.length === 0) return new Map();
  const fieldMask = [...fileFieldsOf(config.collections), ...keyOnly];
  const documents = await firestore.getAll(...paths.map((path) => firestore.doc(path)), { fieldMask });
  return new Map(
    documents.map((document) => [document.ref.path, new Set(filesOfDocument(config, settings.place, document).names)]),
  );
}

/** The files that are named by records which name any of these, whatever has become of who names them; and what that
 *  has cost: one read per record, and one per 30 files that nobody names. */
export async function recordedNames(
  firestore: Firestore,
  names: readonly string[],
): Promise<{ readonly names: ReadonlySet<string>; readonly reads: number }> {
  const records = await Promise.all(chunksOf(names).map((chunk) => recordsNaming(firestore, chunk)));
  return {
    names: new Set(records.flat().flatMap(namesIn)),
    reads: records.reduce((sum, found) => sum + Math.max(1, found.length), 0),
  };
}

/** What a record names, whatever else is to be thought of it. */
function namesIn(record: QueryDocumentSnapshot): readonly string[] {
  const names: unknown = record.get('names');
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

function chunksOf(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / namesPerQuery) }, (_, at) =>
    names.slice(at * namesPerQuery, (at + 1) * namesPerQuery),
  );
}
