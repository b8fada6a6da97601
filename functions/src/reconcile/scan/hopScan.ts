import { maxProjectIdBytes } from '../../events/projectId.ts';
import type { AssetEntry, AssetIndex, StartAt } from './assetIndex.ts';
import { canonicalText } from './canonicalText.ts';
import { maxComparedBytes } from './comparable.ts';
import { afterEveryStringWithPrefix, compareStrings, type IdRange, justAfter } from './idOrder.ts';
import type { PagePacer } from './pagePacer.ts';
import { createProjectGatherer, type ProjectAssets, type ProjectGatherer } from './projectAssets.ts';

/** Assets read at once where assets are read one by one. */
const plainPage = 300;

/** An index that does not keep its order cannot be hopped over; going on could loop or miss assets. */
export class IndexOrderError extends Error {
  constructor(collection: string, before: string, after: string) {
    super(
      `Firestore returned the assets of "${collection}" out of order: project "${after}" after "${before}". Nothing was concluded from it; ` +
        'run again, and if it stays, look at the indexes of this collection.',
    );
    this.name = 'IndexOrderError';
  }
}

export interface HopOptions {
  readonly index: AssetIndex;
  readonly pacer: PagePacer;
  /** `tuples`: hop over distinct (project id, copies …); `ids`: over distinct project ids, whatever the copies. */
  readonly order: 'tuples' | 'ids';
}

/** The projects that have assets in a range, in the order of their ids, each with the distinct tuples of its assets.
 *  Costs one read per distinct tuple, and what the pacer allows for reading ahead. The next query is in flight while
 *  the caller works on the results of the one before. */
export async function* hopProjects(options: HopOptions, range: IdRange): AsyncGenerator<ProjectAssets> {
  const step = createHopper(options, range.to);
  let pending: Promise<HopStep> | undefined = step({ kind: 'from', id: range.from });
  try {
    while (pending !== undefined) {
      const { projects, next }: HopStep = await pending;
      pending = next === null ? undefined : step(next);
      // Raised where it is awaited; until then it must not count as unhandled.
      pending?.catch(() => undefined);
      yield* projects;
    }
  } finally {
    // The caller has stopped: the query in flight is nobody's any more.
    await pending?.catch(() => undefined);
  }
}

/** Of one query: the projects that are complete now, and where the next query begins. */
interface HopStep {
  readonly projects: readonly ProjectAssets[];
  readonly next: StartAt | null;
}

/** Makes one query after another, and gathers their results by project. */
function createHopper(options: HopOptions, to: string | null): (start: StartAt) => Promise<HopStep> {
  const { index, pacer, order } = options;
  let open: ProjectGatherer | undefined;
  /** The project that was hopped over last: to meet it again is an error. */
  let left: string | undefined;

  /** The gatherer of the project that an entry belongs to; the project before it is complete then. */
  function gathererOf(projectId: string, entry: AssetEntry, complete: ProjectAssets[]): ProjectGatherer {
    const before = open?.projectId ?? left;
    if (before !== undefined && compareStrings(projectId, before) < (open ? 0 : 1)) {
      throw new IndexOrderError(index.collection.name, before, projectId);
    }
    if (open?.projectId === projectId) return open;
    if (open) complete.push(open.done());
    open = createProjectGatherer(projectId, entry.path);
    return open;
  }

  return async (start) => {
    const page = await hop(options, start, to);
    const projects: ProjectAssets[] = [];
    let distinct = 0;
    let difficult: string | undefined;
    try {
      for (const entry of page.entries) {
        const projectId = boundedId(entry, index);
        if (projectId === difficult) continue;
        const gatherer = gathererOf(projectId, entry, projects);
        if (gatherer.add(entry.copies, entry.createdAt)) distinct += 1;
        if (order === 'ids' || (canBeCursor(entry) && !stoodStill(start, entry))) continue;
        difficult = projectId;
        const range = { from: projectId, to: justAfter(projectId) };
        for await (const asset of everyAssetOf(index, range)) gatherer.add(asset.copies, asset.createdAt);
      }
    } finally {
      pacer.settle(page.grant, { documents: page.entries.length, distinct, ended: page.ended });
    }
    const last = page.entries.at(-1);
    const next = last === undefined || page.ended ? null : nextStart(options, last, open, difficult, to);
    if (open && (next === null || leavesProject(next))) {
      projects.push(open.done());
      left = open.projectId;
      open = undefined;
    }
    return { projects, next };
  };
}

/** Every asset of a range, one after another. */
export async function* everyAssetOf(index: AssetIndex, range: IdRange): AsyncGenerator<AssetEntry> {
  let after: AssetEntry | null = null;
  for (;;) {
    const page: readonly AssetEntry[] = await index.every(range, after, plainPage);
    yield* page;
    after = page.at(-1) ?? null;
    if (after === null || page.length < plainPage) return;
  }
}

interface HopPage {
  readonly grant: Awaited<ReturnType<PagePacer['acquire']>>;
  readonly entries: readonly AssetEntry[];
  readonly ended: boolean;
}

async function hop({ index, pacer, order }: HopOptions, start: StartAt, to: string | null): Promise<HopPage> {
  const grant = await pacer.acquire(index.collection.name);
  try {
    const entries = await index.page(order, start, to, grant.limit);
    return { grant, entries, ended: entries.length < grant.limit };
  } catch (error) {
    pacer.settle(grant, { documents: 0, distinct: 0, ended: false });
    throw error;
  }
}

function nextStart(
  { order }: HopOptions,
  last: AssetEntry,
  open: ProjectGatherer | undefined,
  difficult: string | undefined,
  to: string | null,
): StartAt | null {
  const projectId = open?.projectId ?? '';
  if (isTooLong(projectId)) {
    const id = afterEveryStringWithPrefix(projectId);
    return id === null || (to !== null && compareStrings(id, to) >= 0) ? null : { kind: 'from', id };
  }
  if (order === 'ids' || projectId === difficult || open?.full()) return { kind: 'after', values: [projectId] };
  return { kind: 'after', values: [projectId, ...last.copies] };
}

/** Whether the next query cannot meet the current project again. */
function leavesProject(start: StartAt): boolean {
  return start.kind === 'from' || start.values.length === 1;
}

/** The project id of an asset; of a text that is too long to be one, and perhaps cut in the index, only the beginning:
 *  all that begin alike are passed at once. */
function boundedId(entry: AssetEntry, index: AssetIndex): string {
  const id = entry.projectId;
  if (typeof id === 'string') return isTooLong(id) ? prefixOfBytes(id, maxProjectIdBytes + 1) : id;
  throw new TypeError(
    `Firestore returned ${entry.path} among the assets of "${index.collection.name}" whose project id is text, but it is not`,
  );
}

function isTooLong(projectId: string): boolean {
  return Buffer.byteLength(projectId) > maxProjectIdBytes;
}

/** Whether "after this tuple" means to Firestore what it means here. Numbers beyond 2^53 lose digits on their way
 *  through JavaScript. */
function canBeCursor(entry: AssetEntry): boolean {
  return entry.copies.every(
    (copy) => Buffer.byteLength(canonicalText(copy)) <= maxComparedBytes && !containsInexactNumber(copy),
  );
}

function containsInexactNumber(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (Array.isArray(value)) return value.some(containsInexactNumber);
  return isMap(value) && Object.values(value).some(containsInexactNumber);
}

/** Other objects are values of the SDK: none has a whole number in it, and a reference holds the client, the global
 *  object and so on, without an end. */
function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Whether a query returned the very tuple that it was to start after. */
function stoodStill(start: StartAt, entry: AssetEntry): boolean {
  return (
    start.kind === 'after' &&
    start.values.length > 1 &&
    canonicalText(start.values) === canonicalText([entry.projectId, ...entry.copies])
  );
}

/** The first characters of a text that have at least `bytes` bytes of UTF-8. */
function prefixOfBytes(text: string, bytes: number): string {
  let prefix = '';
  let length = 0;
  for (const character of text) {
    prefix += character;
    length += Buffer.byteLength(character);
    if (length >= bytes) break;
  }
  return prefix;
}
