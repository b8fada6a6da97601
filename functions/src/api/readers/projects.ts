import { type DocumentSnapshot, FieldPath, type Query, Timestamp } from 'firebase-admin/firestore';
import type { z } from 'zod';
import { pagesOf } from '../../archive/archivePages.ts';
import { secondMs } from '../../clock.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { assetsAt } from '../../records/assetQuery.ts';
import { documentIdFrom, hasDocumentId, textFromDocumentId } from '../../records/documentIds.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import {
  effectiveHold,
  nameOf,
  type ProjectRecord,
  ProjectRecordError,
  parseProjectRecord,
  searchNameOf,
} from '../../records/projectRecord.ts';
import type { ProjectView, projectSummaryView } from '../views/projects.ts';
import type { JobsReader } from './jobs.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ProjectPosition, ReaderDependencies, Views } from './views.ts';

/** The newest jobs that are shown with a project; the list of jobs has the others. */
const jobsShown = 4;

/** How long the counts of a project's assets serve, in ms, while nothing else about it changes: each costs a read a
 *  collection. */
const countsKeptMs = 30 * secondMs;

/** Pages of the archive that are counted for a project: one read each, with its assets. */
const pagesCounted = 20;

/** Projects whose counts are kept. */
const maxCounted = 200;

/** Of a search, so many are found by the beginning of their id, and so many by that of their name; a longer id finds
 *  the others, and the pages behind the first one are of names. */
const idsFound = 4;
const namesFound = 5;

/** Sorts behind everything that begins with the text before it. */
const lastCharacter = '\uf8ff';

export function createProjectsReader(
  { firestore, config, clock }: ReaderDependencies,
  { newestOf }: Pick<JobsReader, 'newestOf'>,
): Pick<Views, 'projects' | 'project'> {
  const counted = new Map<string, { at: number; changedAt: number; counts: ReturnType<typeof countAssets> }>();
  const records = firestore.collection(recordCollections.projects);
  return {
    async projects(search, after) {
      if (search === '') return listed(after);
      const ids = after === undefined ? await byId(search) : [];
      const seen = new Set(ids.map(({ id }) => id));
      const { docs } = await byName(searchNameOf(search), after).get();
      return {
        items: [...ids, ...docs.map(summaryFrom).filter(({ id }) => !seen.has(id))],
        next: nextOf(docs, after, positionOf, after === undefined ? namesFound : undefined),
      };
    },
    async project(id) {
      const [snapshot, jobs] = await Promise.all([records.doc(documentIdFrom(id)).get(), newestOf(id, jobsShown)]);
      const { collections, archived } = await countsOf(id, snapshot.updateTime?.toMillis() ?? 0);
      const isEmpty = collections.every(({ assets }) => assets === 0) && !archived?.documents;
      if (!snapshot.exists && isEmpty) return undefined;
      const record = readable(snapshot);
      if (record instanceof ProjectRecordError) throw record;
      const hold = effectiveHold(record);
      return {
        ...summaryOf(record),
        version: record.desired.version,
        revision: record.revision,
        appliedRevision: record.appliedRevision,
        fields: Object.fromEntries(Object.entries(record.desired.fields).map(([path, { value }]) => [path, value])),
        hold: hold === null ? null : { state: hold.state, since: hold.since },
        collections,
        archived,
        jobs,
      };
    },
  };

  async function listed(after: ProjectPosition | undefined): ReturnType<Views['projects']> {
    const query = records.orderBy(FieldPath.documentId()).limit(pageSize(after));
    const { docs } = await (after === undefined ? query : query.startAfter(documentIdFrom(after.id))).get();
    return { items: docs.map(summaryFrom), next: nextOf(docs, after, positionOf) };
  }

  async function byId(search: string): Promise<Summary[]> {
    // Firestore refuses to compare with an id that no document can have.
    if (!hasDocumentId(`${search}${lastCharacter}`)) return [];
    const prefix = documentIdFrom(search);
    const query = records.orderBy(FieldPath.documentId()).startAt(prefix).endAt(`${prefix}${lastCharacter}`);
    return (await query.limit(idsFound).get()).docs.map(summaryFrom);
  }

  function byName(name: string, after: ProjectPosition | undefined): Query {
    const query = records.orderBy('searchName').orderBy(FieldPath.documentId()).endAt(`${name}${lastCharacter}`);
    return after === undefined
      ? query.startAt(name).limit(namesFound)
      : query.startAfter(after.name, documentIdFrom(after.id)).limit(pageSize(after));
  }

  function countsOf(projectId: string, changedAt: number) {
    const known = counted.get(projectId);
    if (known?.changedAt === changedAt && clock.now() - known.at < countsKeptMs) return known.counts;
    const entry = { at: clock.now(), changedAt, counts: countAssets(projectId) };
    counted.delete(projectId);
    counted.set(projectId, entry);
    const [oldest] = counted.keys();
    if (counted.size > maxCounted && oldest !== undefined) counted.delete(oldest);
    entry.counts.catch(() => counted.delete(projectId));
    return entry.counts;
  }

  async function countAssets(projectId: string) {
    const [collections, archived] = await Promise.all([countLiving(projectId), countArchived(projectId)]);
    return { collections, archived };
  }

  async function countArchived(projectId: string): Promise<ProjectView['archived']> {
    if (config.collections.every(({ retentionMs }) => retentionMs === null)) return null;
    const pages = pagesOf(firestore, projectId).select('count', 'expireAt', 'part.index');
    const { docs } = await pages.limit(pagesCounted).get();
    const whole = docs.filter((page) => !page.get('part.index'));
    const ends = docs.map((page): unknown => page.get('expireAt')).filter((end) => end instanceof Timestamp);
    return {
      documents: whole.reduce((sum, page) => sum + Number(page.get('count') ?? 0), 0),
      isMore: docs.length === pagesCounted,
      until: ends.length === 0 ? null : Math.min(...ends.map((end) => end.toMillis())),
    };
  }

  /** One read per collection and thousand assets. */
  function countLiving(projectId: string) {
    return Promise.all(
      config.collections.map(async (collection) => {
        const ofProject = assetsAt(firestore, collection).where(fieldPathOf(collection.projectId), '==', projectId);
        return { name: collection.name, assets: (await ofProject.count().get()).data().count };
      }),
    );
  }
}

type Summary = z.output<typeof projectSummaryView>;

function summaryFrom(snapshot: DocumentSnapshot): Summary {
  const record = readable(snapshot);
  if (!(record instanceof ProjectRecordError)) return summaryOf(record);
  return { id: textFromDocumentId(snapshot.id), name: null, state: 'unknown', inStep: false };
}

function readable(snapshot: DocumentSnapshot): ProjectRecord | ProjectRecordError {
  try {
    return parseProjectRecord(textFromDocumentId(snapshot.id), snapshot.data());
  } catch (error) {
    if (error instanceof ProjectRecordError) return error;
    throw error;
  }
}

function summaryOf(record: ProjectRecord): Summary {
  const { desired, revision, appliedRevision } = record;
  return {
    id: record.projectId,
    name: nameOf(record),
    state: desired.kind,
    inStep: revision === appliedRevision && effectiveHold(record) === null,
  };
}

function positionOf(snapshot: DocumentSnapshot): ProjectPosition {
  const name: unknown = snapshot.get('searchName');
  return { name: typeof name === 'string' ? name : '', id: textFromDocumentId(snapshot.id) };
}
