import { FieldPath, Timestamp } from 'firebase-admin/firestore';
import { z } from 'zod';
import { type Clock, minuteMs } from '../clock.ts';
import { type Config, recordCollections } from '../config/defineConfig.ts';
import type { Log } from '../log.ts';
import { assetsAmong, assetsAt } from '../records/assetQuery.ts';
import { schemaVersion } from '../records/projectRecord.ts';
import { fileFieldsOf, filesOfDocument, indexPlanOf, keyOnly } from './documentFiles.ts';
import { fileRecords, indexStateRef, readReference, referenceOfPart } from './fileRecords.ts';
import { type IndexDependencies, indexAsset } from './indexAsset.ts';
import { packNames } from './packNames.ts';
import { releaseFilesOf } from './removalOf.ts';

// Events keep the records of who names which files, from the moment at which their function is deployed. What was there
// before, and what an event was lost for, is found by a walk: over all assets, over the archive, which may be older
// than the configuration, and then over all records.

/** Documents in one step of a walk, between two writes of how far it has come. */
const perStep = 200;

/** How often it is noted that the records are kept, in ms: their state is due like a removal, so that noting it
 *  costs no look of its own. */
const notedEveryMs = 10 * minuteMs;

/** Records that nobody has noted for so long, beyond the grace time, may have missed events: a release without "files"
 *  may have been deployed for a while, in which nothing kept them. */
const trustedMs = 3 * notedEveryMs;

/** Records that are corrected at once. */
const parallel = 16;

/** Where a walk goes on. */
type Place =
  | { readonly of: 'assets'; readonly collection: string; readonly after: string | null }
  | { readonly of: 'archive'; readonly after: string | null }
  | { readonly of: 'records'; readonly after: { readonly holder: string; readonly id: string } | null };

const time = z.instanceof(Timestamp).transform((value) => value.toMillis());

const stateSchema = z.looseObject({
  schemaVersion: z.literal(schemaVersion),
  /** What the records are made for. */
  plan: z.string(),
  /** When the newest walk that has ended began; null: none has, and the records name too few. */
  completeSince: time.nullable(),
  /** When they were last known to be kept. */
  notedAt: time,
  /** The walk under way. */
  walk: z
    .looseObject({
      beginsAt: time,
      place: z.union([
        z.object({ of: z.literal('assets'), collection: z.string(), after: z.string().nullable() }),
        z.object({ of: z.literal('archive'), after: z.string().nullable() }),
        z.object({ of: z.literal('records'), after: z.object({ holder: z.string(), id: z.string() }).nullable() }),
      ]),
      scanned: z.number(),
      corrected: z.number(),
    })
    .nullable(),
});
type IndexState = z.output<typeof stateSchema>;
type Walk = NonNullable<IndexState['walk']>;

/** How far the records are. */
export type IndexProgress =
  | { readonly kind: 'complete' }
  /** The time is over; the next call goes on. */
  | { readonly kind: 'unfinished' }
  /** A changed configuration: until then (ms since 1970) its deployment may not have reached the functions that keep
   *  the records. */
  | { readonly kind: 'not-yet'; readonly until: number };

/** Brings the records of some pages of the archive, behind one of them, to what these name.
 *  @returns the last of them in `next`; null when there are no more. */
export type IndexArchive = (after: string | null) => Promise<{
  readonly scanned: number;
  readonly corrected: number;
  readonly next: string | null;
}>;

export interface WalkDependencies extends IndexDependencies {
  readonly indexArchive: IndexArchive;
  readonly clock: Clock;
  readonly log: Log;
  /** Notified of every step: documents that were read, and records that were written. */
  readonly onStep?: (scanned: number, corrected: number) => void;
}

/** Sees to it that the records of who names which files are complete: that for this configuration a walk has ended,
 *  which began at `notBefore` (ms since 1970) or later. Costs 1 read where it has; else 2 reads per asset that names
 *  files, 1 per other asset, 2 per record, 4 per page of the archive, and what differs. */
export async function completeIndex(
  dependencies: WalkDependencies,
  { deadline, signal }: { readonly deadline: number; readonly signal: AbortSignal },
  notBefore = Number.NEGATIVE_INFINITY,
): Promise<IndexProgress> {
  const { firestore, clock, settings, config } = dependencies;
  const plan = indexPlanOf(config, settings.place);
  const ref = indexStateRef(firestore);
  let state = stateSchema.safeParse((await ref.get()).data()).data;
  // One of another layout or plan says nothing: a walk is always right to do.
  const isKept = state !== undefined && clock.now() - state.notedAt <= settings.graceMs + trustedMs;
  if (state === undefined || state.plan !== plan || !isKept) {
    state = await begin(dependencies, { plan, completeSince: null }, clock.now() + settings.graceMs);
  } else if (clock.now() - state.notedAt >= notedEveryMs) state = await keep(dependencies, state);
  const isComplete = ({ completeSince }: IndexState) => completeSince !== null && completeSince >= notBefore;
  while (!isComplete(state)) {
    const { walk } = state;
    if (walk === null || (state.completeSince !== null && walk.beginsAt < notBefore)) {
      state = await begin(dependencies, state, clock.now());
      continue;
    }
    if (walk.beginsAt > clock.now()) return { kind: 'not-yet', until: walk.beginsAt };
    if (clock.now() >= deadline || signal.aborted) return { kind: 'unfinished' };
    state = await step(dependencies, state, walk);
  }
  return { kind: 'complete' };
}

async function begin(
  dependencies: WalkDependencies,
  { plan, completeSince }: Pick<IndexState, 'plan' | 'completeSince'>,
  beginsAt: number,
): Promise<IndexState> {
  const place = placeIn(dependencies.config, undefined);
  return keep(dependencies, {
    plan,
    completeSince,
    walk: { beginsAt, place, scanned: 0, corrected: 0 },
  });
}

async function keep(
  { firestore, clock }: WalkDependencies,
  { plan, completeSince, walk }: Pick<IndexState, 'plan' | 'completeSince' | 'walk'>,
): Promise<IndexState> {
  const notedAt = clock.now();
  const at = (ms: number) => Timestamp.fromMillis(ms);
  await indexStateRef(firestore).set({
    schemaVersion,
    plan,
    kind: 'index',
    notedAt: at(notedAt),
    dueAt: at(notedAt + notedEveryMs),
    completeSince: completeSince === null ? null : at(completeSince),
    walk: walk && { ...walk, beginsAt: at(walk.beginsAt) },
  });
  return { schemaVersion, plan, completeSince, walk, notedAt };
}

async function step(dependencies: WalkDependencies, state: IndexState, walk: Walk): Promise<IndexState> {
  const { place } = walk;
  const done = await stepOver(dependencies, place);
  dependencies.onStep?.(done.scanned, done.corrected);
  const scanned = walk.scanned + done.scanned;
  const corrected = walk.corrected + done.corrected;
  if (done.next !== null)
    return keep(dependencies, { ...state, walk: { ...walk, place: done.next, scanned, corrected } });
  return keep(dependencies, { ...state, completeSince: walk.beginsAt, walk: null });
}

async function stepOver(dependencies: WalkDependencies, place: Place): Promise<Step> {
  switch (place.of) {
    case 'assets':
      return stepOverAssets(dependencies, place);
    case 'archive': {
      const { next, ...counts } = await dependencies.indexArchive(place.after);
      return { ...counts, next: next === null ? { of: 'records', after: null } : { of: 'archive', after: next } };
    }
    case 'records':
      return stepOverRecords(dependencies, place);
  }
}

interface Step {
  readonly scanned: number;
  readonly corrected: number;
  /** Null: the walk has ended. */
  readonly next: Place | null;
}

/** The first collection with files behind another one; then the archive, and then the records. */
function placeIn({ collections }: Pick<Config, 'collections'>, after: string | undefined): Place {
  const names = collections.filter(({ files }) => files.length > 0).map(({ name }) => name);
  const collection = names[after === undefined ? 0 : names.indexOf(after) + 1];
  return collection === undefined ? { of: 'archive', after: null } : { of: 'assets', collection, after: null };
}

async function stepOverAssets(
  dependencies: WalkDependencies,
  { collection: name, after }: Extract<Place, { of: 'assets' }>,
): Promise<Step> {
  const { firestore, config, settings } = dependencies;
  const collection = config.collections.find((candidate) => candidate.name === name);
  if (collection === undefined) return { scanned: 0, corrected: 0, next: placeIn(config, undefined) };
  const all = assetsAt(firestore, collection)
    .orderBy(FieldPath.documentId())
    .select(...fileFieldsOf([collection]))
    .limit(perStep);
  const { docs } = await (after === null ? all : all.startAfter(firestore.doc(after))).get();
  const naming = assetsAmong(collection, docs)
    .map((asset) => ({ path: asset.ref.path, parts: packNames(filesOfDocument(config, settings.place, asset).names) }))
    .filter(({ parts }) => parts.length > 0);
  const refs = naming.map(({ path }) => referenceOfPart(firestore, { kind: 'asset', id: path }, 0));
  const known = refs.length === 0 ? [] : await firestore.getAll(...refs);
  const differing = naming.filter(
    ({ parts }, at) => parts.length > 1 || JSON.stringify(known[at]?.get('names')) !== JSON.stringify(parts[0]),
  );
  await correct(
    dependencies,
    differing.map(({ path }) => path),
  );
  const last = docs.length === perStep ? docs.at(-1) : undefined;
  return {
    scanned: docs.length,
    corrected: differing.length,
    next: last ? { of: 'assets', collection: name, after: last.ref.path } : placeIn(config, name),
  };
}

/** Records whose asset is gone, or names other files. Those of the archive change with their page, unless it went while
 *  no files were configured: its files are removed now. */
async function stepOverRecords(
  dependencies: WalkDependencies,
  { after }: Extract<Place, { of: 'records' }>,
): Promise<Step> {
  const { firestore, config, settings } = dependencies;
  const query = fileRecords(firestore).orderBy('holder').orderBy(FieldPath.documentId()).limit(perStep);
  const { docs } = await (after === null ? query : query.startAfter(after.holder, after.id)).get();
  const all = docs.flatMap((document) => {
    const reference = readReference(dependencies.log, document);
    return reference === undefined ? [] : [{ document, ...reference }];
  });
  const released = await releaseGone(
    dependencies,
    all.filter(({ kind }) => kind === 'archive').map(({ id }) => id),
  );
  const references = all.filter(({ kind }) => kind === 'asset');
  const paths = [...new Set(references.map(({ id }) => id))];
  const fieldMask = [...fileFieldsOf(config.collections), FieldPath.documentId()];
  const assets =
    paths.length === 0 ? [] : await firestore.getAll(...paths.map((path) => firestore.doc(path)), { fieldMask });
  const names = new Map(assets.map((asset) => [asset.ref.path, filesOfDocument(config, settings.place, asset).names]));
  const differing = references.filter(({ document, id, names: recorded }) => {
    const parts = packNames(names.get(id) ?? []);
    const part = parts.find((_, at) => referenceOfPart(firestore, { kind: 'asset', id }, at).id === document.id);
    return JSON.stringify(part) !== JSON.stringify(recorded);
  });
  await correct(dependencies, [...new Set(differing.map(({ id }) => id))]);
  const last = docs.length === perStep ? docs.at(-1) : undefined;
  return {
    scanned: docs.length,
    corrected: differing.length + released,
    next: last ? { of: 'records', after: { holder: String(last.get('holder')), id: last.id } } : null,
  };
}

/** Has the files removed of those pages that are not there. How many are not. */
async function releaseGone(
  { firestore, settings, clock }: WalkDependencies,
  pages: readonly string[],
): Promise<number> {
  if (pages.length === 0) return 0;
  const refs = [...new Set(pages)].map((page) => firestore.collection(recordCollections.archive).doc(page));
  const gone = (await firestore.getAll(...refs, { fieldMask: [...keyOnly] })).filter(({ exists }) => !exists);
  for (const { id } of gone) {
    // What names a page's files is created with it, and no page is created again under its id.
    await firestore.runTransaction(async (transaction) => {
      const terms = { firestore, settings, now: clock.now() };
      (await releaseFilesOf(terms, transaction, { id, projectId: null }))();
    });
  }
  return gone.length;
}

async function correct(dependencies: WalkDependencies, paths: readonly string[]): Promise<void> {
  const queue = [...paths];
  const work = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) await indexAsset(dependencies, path);
  };
  await Promise.all(Array.from({ length: parallel }, work));
}
