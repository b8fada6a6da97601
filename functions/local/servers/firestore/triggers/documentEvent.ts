import { randomUUID } from 'node:crypto';
import type { Change } from '../store/store.ts';
import { encodeDocument, type Micros, timestampOf } from '../values/document.ts';
import { encodeDocumentEventData } from '../values/valueCodec.ts';

/** What a trigger may be for. `written` is each of the others. */
export const documentEventKinds = ['created', 'updated', 'deleted', 'written'] as const;
export type DocumentEventKind = (typeof documentEventKinds)[number];

/** One change of one document as Eventarc carries it: a CloudEvent in binary mode, whose attributes are headers and
 *  whose data is the protobuf message DocumentEventData. Its `updateMask`, which firebase-functions never reads, is
 *  left out.
 *  https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto */
export interface DocumentEvent {
  /** By their names without `ce-`. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Buffer;
}

const typePrefix = 'google.cloud.firestore.document.v1.';

/** The kind of an event type of Eventarc; undefined for one that is not known here. */
export function documentEventKind(eventType: string): DocumentEventKind | undefined {
  return documentEventKinds.find((kind) => eventType === typePrefix + kind);
}

/** Whether a change is of that kind. */
export function isOfKind({ before, after }: Change, kind: DocumentEventKind): boolean {
  if (kind === 'written') return true;
  if (!before) return kind === 'created';
  return kind === (after ? 'updated' : 'deleted');
}

/** Makes the event of a change.
 *  @param database  `projects/P/databases/D` */
export function makeDocumentEvent(
  database: string,
  change: Change,
  kind: DocumentEventKind,
  time: Micros,
): DocumentEvent {
  const [, project = '', , databaseId = ''] = database.split('/');
  const { path, before, after } = change;
  return {
    attributes: {
      specversion: '1.0',
      id: randomUUID(),
      type: typePrefix + kind,
      source: `//firestore.googleapis.com/${database}`,
      subject: `documents/${path}`,
      time: rfc3339(time),
      datacontenttype: 'application/protobuf',
      dataschema:
        'https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto',
      project,
      database: databaseId,
      namespace: '(default)',
      document: path,
      location: 'local',
    },
    data: encodeDocumentEventData(after && encodeDocument(database, after), before && encodeDocument(database, before)),
  };
}

const millisPerSecond = 1000;
const nanosPerMicro = 1000;
const microDigits = 6;

function rfc3339(time: Micros): string {
  const { seconds, nanos } = timestampOf(time);
  const fraction = String(nanos / nanosPerMicro).padStart(microDigits, '0');
  return new Date(seconds * millisPerSecond).toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}
