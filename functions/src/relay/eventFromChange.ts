import type { Config } from '../config/defineConfig.ts';
import { type EventType, eventId, type ProjectEvent, specversion } from '../events/contract.ts';
import { type CopyValue, carried } from '../events/copyValue.ts';
import { projectIdProblem } from '../events/projectId.ts';
import type { Version } from '../events/version.ts';
import { copyValueAt, copyValueFromBson } from '../source/copyValueFromBson.ts';
import { isProjectMongoId, type ProjectMongoId, projectIdFromMongo } from '../source/projectIds.ts';
import { committedAt, type KeyChange, type ProjectChange } from './changeStream/streamedChange.ts';
import { restOfPath, type Touch, touchOf } from './changeStream/touchedFields.ts';

/** Why a change cannot become an event that the contract allows. No retry helps. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: 'project-id' | 'value';
  readonly error: string;
}

/** What a change means. */
export type ChangeMeaning =
  | { readonly kind: 'event'; readonly event: ProjectEvent }
  /** `event` holds what the change tells exactly; of `fields` it tells only a part, so the whole value has to be looked
   *  up. */
  | {
      readonly kind: 'incomplete';
      readonly event: ProjectEvent;
      readonly fields: readonly string[];
      readonly id: ProjectMongoId;
    }
  /** No configured field is touched. */
  | { readonly kind: 'irrelevant' }
  | Refused;

type Source = Config['source'];
type Update = Extract<ProjectChange, { operationType: 'update' }>;

/** The event of a change at a version. Pure: the same change and version always give the same event. */
export function eventFromChange(change: ProjectChange, version: Version, source: Source): ChangeMeaning {
  const named = projectOf(change.documentKey._id);
  if (named.kind === 'refused') return named;
  const event = eventOf(change, named.projectId, version, source);
  switch (change.operationType) {
    case 'delete':
      return checked(event('ProjectDeleted', {}, copyValueAt(change.fullDocumentBeforeChange, source.actor)));
    case 'insert':
    case 'replace':
      return checked(
        event(
          change.operationType === 'insert' ? 'ProjectCreated' : 'ProjectUpdated',
          valuesIn(change.fullDocument, source.fields),
          copyValueAt(change.fullDocument, source.actor),
        ),
      );
    case 'update': {
      const changes: Record<string, CopyValue> = {};
      const part: string[] = [];
      let isTouched = false;
      for (const field of source.fields) {
        const touch = touchOfUpdate(change, field);
        if (touch === 'whole') changes[field] = toldValue(change, field);
        if (touch === 'part') part.push(field);
        isTouched ||= touch !== 'none';
      }
      if (!isTouched) return { kind: 'irrelevant' };
      const known = event('ProjectUpdated', changes, actorOf(change, source.actor));
      if (part.length === 0) return checked(known);
      // A post-image shows the document right after this change, so it completes the event exactly.
      return isDocument(change.fullDocument)
        ? completedEvent(known, part, change.fullDocument)
        : { kind: 'incomplete', event: known, fields: part, id: named.id };
    }
  }
}

/** The event of a change of which only the key is known: all that copies need has to be looked up. */
export function eventFromKey(change: KeyChange, version: Version, source: Source): ChangeMeaning {
  const named = projectOf(change.documentKey._id);
  if (named.kind === 'refused') return named;
  const event = eventOf(change, named.projectId, version, source);
  if (change.operationType === 'delete') return checked(event('ProjectDeleted', {}, null));
  const type = change.operationType === 'insert' ? 'ProjectCreated' : 'ProjectUpdated';
  return { kind: 'incomplete', event: event(type, {}, null), fields: source.fields, id: named.id };
}

/** The project id of an `_id`, or why it has none. */
export function projectOf(
  id: unknown,
): { readonly kind: 'project'; readonly id: ProjectMongoId; readonly projectId: string } | Refused {
  if (!isProjectMongoId(id)) {
    return { kind: 'refused', reason: 'project-id', error: 'the _id is of a type that has no project id' };
  }
  const projectId = projectIdFromMongo(id) ?? '';
  const problem = projectIdProblem(projectId);
  return problem === undefined
    ? { kind: 'project', id, projectId }
    : { kind: 'refused', reason: 'project-id', error: problem };
}

function eventOf(change: ProjectChange | KeyChange, projectId: string, version: Version, source: Source) {
  return (type: EventType, changes: Record<string, CopyValue>, actor: CopyValue): ProjectEvent => ({
    specversion,
    id: eventId(projectId, version),
    type,
    projectId,
    version,
    occurredAt: new Date(committedAt(change)).toISOString(),
    changes,
    origin: { service: source.service, ...(typeof actor === 'string' ? { actor } : {}), channel: 'change-stream' },
  });
}

/** Completes an event with the fields of a document that is at least as new as the change. A newer value under the
 *  older version does no harm: whatever changed the field since is in the stream as well, carries its own newer version
 *  and the same or a still newer value. `null`: the project is gone, and a deletion that says so follows in the stream;
 *  what the event knows by itself still counts. */
export function completedEvent(
  event: ProjectEvent,
  fields: readonly string[],
  document: object | null,
): Exclude<ChangeMeaning, { kind: 'incomplete' }> {
  if (document !== null) return checked({ ...event, changes: { ...event.changes, ...valuesIn(document, fields) } });
  return Object.keys(event.changes).length > 0 ? checked(event) : { kind: 'irrelevant' };
}

function valuesIn(document: unknown, fields: readonly string[]): Record<string, CopyValue> {
  return Object.fromEntries(fields.map((field) => [field, copyValueAt(document, field)]));
}

function touchOfUpdate(change: Update, field: string): Touch {
  let touch: Touch = 'none';
  for (const path of [...change.updated.map(({ k }) => k), ...(change.removed ?? [])]) {
    const own = touchOf(path, field);
    // A path that can be read in two ways (`a.b` may be one name) never tells a value for certain.
    if (own === 'whole' && !isAmbiguous(change, path)) return 'whole';
    if (own !== 'none') touch = 'part';
  }
  // A truncation tells the new length only. (Of an array around the field it tells nothing: copies do not look into
  // arrays.)
  if (change.truncated?.some((path) => path === field || touchOf(path, field) === 'part')) touch = 'part';
  return touch;
}

/** The value of a field that the update tells whole; a removed one is null. */
function toldValue(change: Update, field: string): CopyValue {
  const told = change.updated.find(({ k }) => touchOf(k, field) === 'whole' && !isAmbiguous(change, k));
  if (told === undefined) return null;
  return told.k === field ? copyValueFromBson(told.v) : copyValueAt(told.v, restOfPath(field, told.k));
}

function actorOf(change: Update, path: string): CopyValue {
  return isDocument(change.fullDocument) ? copyValueAt(change.fullDocument, path) : toldValue(change, path);
}

/** A number may be an index or a name, and not every version of MongoDB says which: of an array, no copy has what is at
 *  an index. */
function isAmbiguous({ disambiguated }: Update, path: string): boolean {
  return /(^|\.)\d+(\.|$)/.test(path) || Object.hasOwn(disambiguated ?? {}, path);
}

function isDocument(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function checked(event: ProjectEvent): Exclude<ChangeMeaning, { kind: 'incomplete' }> {
  for (const [field, value] of Object.entries(event.changes)) {
    const told = carried(value);
    if (!told.ok) return { kind: 'refused', reason: 'value', error: `${field}: ${told.problem}` };
  }
  return { kind: 'event', event };
}
