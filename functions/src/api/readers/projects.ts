import { type DocumentSnapshot, FieldPath } from 'firebase-admin/firestore';
import type { z } from 'zod';
import { recordCollections } from '../../config/defineConfig.ts';
import { assetsAt } from '../../records/assetQuery.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import { fieldPathOf } from '../../records/fieldPath.ts';
import {
  effectiveHold,
  type ProjectRecord,
  ProjectRecordError,
  parseProjectRecord,
} from '../../records/projectRecord.ts';
import { encodeCursor } from '../cursor.ts';
import type { projectSummaryView } from '../views/projects.ts';
import type { JobsReader } from './jobs.ts';
import type { ReaderDependencies, Views } from './views.ts';

const perPage = 20;

/** Sorts behind everything that begins with the text before it. */
const lastCharacter = '\uf8ff';

export function createProjectsReader(
  { firestore, config }: ReaderDependencies,
  { jobs }: JobsReader,
): Pick<Views, 'projects' | 'project'> {
  const records = firestore.collection(recordCollections.projects);
  return {
    async projects(search, after) {
      const prefix = documentIdFrom(search);
      let query = records.orderBy(FieldPath.documentId());
      if (prefix !== '') query = query.endAt(`${prefix}${lastCharacter}`);
      if (after !== undefined) query = query.startAfter(documentIdFrom(after));
      else if (prefix !== '') query = query.startAt(prefix);
      const items = (await query.limit(perPage).get()).docs.map(summaryFrom);
      const last = items.at(-1);
      return { items, next: items.length < perPage || last === undefined ? null : encodeCursor(last.id) };
    },
    async project(id) {
      const [snapshot, collections, { items }] = await Promise.all([
        records.doc(documentIdFrom(id)).get(),
        countAssets(id),
        jobs({ projectId: id }),
      ]);
      if (!snapshot.exists && collections.every(({ assets }) => assets === 0)) return undefined;
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
        jobs: items,
      };
    },
  };

  /** One read per collection and thousand assets. */
  function countAssets(projectId: string) {
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

/** What people call a project: the field `name`, or else the first text that assets repeat. */
function nameOf({ desired: { fields } }: ProjectRecord): string | null {
  const texts = [fields.name, ...Object.values(fields)].map((field) => field?.value);
  return texts.find((value) => typeof value === 'string') ?? null;
}
