import { FieldPath } from 'firebase-admin/firestore';
import { type Place as AssetPlace, collectionIdOf, liesIn } from '../../config/place.ts';
import { behind, everythingBelow, everythingIn } from '../../records/below.ts';
import type { ReconcileJob } from '../jobRecord.ts';
import { addExample, isOver, type PassEnd, type Run } from '../runRecord.ts';
import { readsToCount } from '../scan/assetIndex.ts';
import { createPagePacer, type PagePacer } from '../scan/pagePacer.ts';

type Phantoms = NonNullable<ReconcileJob['phantoms']>;
type Place = Phantoms['places'][number];

/** What is known of the paths of phantoms in a job, in bytes: far below what a document may hold. What does not fit is
 *  found again by the next run. */
const keptBytes = 200_000;

/** Finds subtrees below documents that do not exist: a client has deleted an asset, and what lies below it stays.
 *  Looks at the collections with `subcollections: 'recursive'`, where what lies below an asset belongs to it.
 *
 *  Costs one read per document of these collections, existing or not, and at most `wasteShare` more: a query over
 *  all that lies in a collection at any depth is sorted by key, so that one hop passes a document with everything
 *  below it. */
export async function findPhantoms(run: Run): Promise<PassEnd> {
  const { job } = run;
  const recursive = run.collections.filter((collection) => collection.recursive);
  job.phantoms ??= begun(recursive);
  const { phantoms } = job;
  for (const [at, collection] of recursive.entries()) {
    const place = phantoms.places[at];
    if (place === undefined) throw new Error(`the run does not know the place of "${collection.name}"`);
    let pacer = pacerOf(run);
    while (!place.done) {
      if (isOver(run)) return { kind: 'out-of-time' };
      const isThere = liesIn(collection, `${place.path}/any`);
      if (!isThere || (await scanPage(run, phantoms, place, pacer)) === 'ended') {
        await moveOn(run, phantoms, collection, place);
        pacer = pacerOf(run);
      }
      run.keeper.changed([]);
    }
  }
  return { kind: 'complete' };
}

const pacerOf = ({ limits }: Run) =>
  createPagePacer({ wasteShare: limits.wasteShare, maxPage: limits.maxPage, streams: 1 });

function begun(collections: Run['collections']): Phantoms {
  return {
    places: collections.map(({ kind, name }) => ({ path: kind === 'path' ? name : '', after: null, done: false })),
    children: 0,
    reads: 0,
    documents: 0,
    found: [],
    allowed: null,
    removed: 0,
  };
}

/** Goes on with the next collection of a group or a pattern in which there is still an asset, one after another: there
 *  may be as many as there are documents, far too many for the record of a job. One read for each of the group. */
async function moveOn({ firestore, gate }: Run, phantoms: Phantoms, assets: AssetPlace, place: Place): Promise<void> {
  if (assets.kind === 'path') {
    place.done = true;
    return;
  }
  const sorted = firestore
    .collectionGroup(collectionIdOf(assets))
    .orderBy(FieldPath.documentId())
    .select(FieldPath.documentId())
    .limit(1);
  const query = place.path === '' ? sorted : sorted.startAfter(firestore.doc(`${place.path}\u0000/\u0000`));
  const [first] = (await gate.pass(1, () => query.get())).docs;
  phantoms.reads += 1;
  place.path = first?.ref.parent.path ?? place.path;
  place.after = null;
  place.done = first === undefined;
}

async function scanPage(run: Run, phantoms: Phantoms, place: Place, pacer: PagePacer): Promise<'more' | 'ended'> {
  const { firestore, gate, clock, limits } = run;
  const grant = await pacer.acquire(place.path);
  const all = everythingIn(firestore, place.path).select(FieldPath.documentId()).limit(grant.limit);
  const query = place.after === null ? all : all.startAt(firestore.doc(behind(place.after)));
  const { docs } = await gate.pass(grant.limit, () => query.get());
  phantoms.reads += Math.max(1, docs.length);
  let distinct = 0;
  for (const document of docs) {
    const child = childOf(place.path, document.ref.path);
    if (child === place.after) continue;
    distinct += 1;
    const isYoung = document.createTime.toMillis() > clock.now() - limits.graceMs;
    const isPhantom = child !== document.ref.path && !isYoung;
    const documents = isPhantom ? await countBelow(run, child) : 0;
    // All at once, so that whoever keeps the progress keeps all of it.
    phantoms.children += 1;
    place.after = child;
    if (isPhantom) addPhantom(run, phantoms, child, documents);
  }
  const ended = docs.length < grant.limit;
  pacer.settle(grant, { documents: docs.length, distinct, ended });
  return ended ? 'ended' : 'more';
}

/** The document of a collection that a path is, or lies below. */
function childOf(collection: string, path: string): string {
  const end = path.indexOf('/', collection.length + 1);
  return end === -1 ? path : path.slice(0, end);
}

async function countBelow({ firestore, gate }: Run, path: string): Promise<number> {
  const counted = await gate.pass(1, () => everythingBelow(firestore, path).count().get());
  return counted.data().count;
}

function addPhantom(run: Run, phantoms: Phantoms, path: string, documents: number): void {
  phantoms.reads += readsToCount(documents);
  phantoms.documents += documents;
  run.job.findings.phantom += 1;
  const detail = `it does not exist, and ${documents} documents lie below it`;
  const collections = [path.slice(0, path.lastIndexOf('/'))];
  addExample(run, { kind: 'phantom', projectId: null, collections, path, detail });
  const bytes = phantoms.found.reduce((sum, found) => sum + Buffer.byteLength(found), Buffer.byteLength(path));
  if (bytes <= keptBytes) phantoms.found.push(path);
}
