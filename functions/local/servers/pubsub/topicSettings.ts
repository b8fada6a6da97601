import { toMs } from './protoTime.ts';
import { parseResourceName } from './resourceNames.ts';
import { invalidArgument, notOffered } from './status.ts';
import type { WireTopic } from './wire.ts';

/** The service keeps messages of a topic between 10 minutes and 31 days. */
const minRetentionMs = 10 * 60 * 1000;
const maxRetentionMs = 31 * 24 * 60 * 60 * 1000;

/** Checks a retention duration of a topic or a subscription; throws INVALID_ARGUMENT. */
export function checkRetention(ms: number): void {
  if (ms < minRetentionMs || ms > maxRetentionMs) {
    throw invalidArgument(
      `Invalid message retention duration (${ms / 1000} s): it must be between 10 minutes and 31 days.`,
    );
  }
}

/** Checks a topic that a client creates or changes, and fills in what the service fills in. */
export function completeTopic(topic: WireTopic): WireTopic {
  parseResourceName('topics', topic.name);
  if (topic.messageRetentionDuration) checkRetention(toMs(topic.messageRetentionDuration));
  if (topic.kmsKeyName) throw notOffered('A topic with an encryption key of the customer');
  if (Object.keys(topic.tags).length > 0) throw notOffered('A topic with tags');
  if (topic.schemaSettings) throw notOffered('A topic with a schema');
  if (topic.ingestionDataSourceSettings) throw notOffered('A topic that ingests from another source');
  if (topic.messageTransforms.length > 0) throw notOffered('A topic with message transforms');
  return { ...topic, state: 'ACTIVE' };
}

/** Which fields of a topic an update may name. */
const changeableFields = new Set(['labels', 'messageRetentionDuration', 'messageStoragePolicy']);

/** The topic after an update; throws INVALID_ARGUMENT for a field that cannot change. */
export function changeTopic(current: WireTopic, wanted: WireTopic, paths: readonly string[]): WireTopic {
  return completeTopic(applyMask(current, wanted, paths, changeableFields, 'topic'));
}

/** Copies the named fields of `wanted` over `current`. Mask paths are snake_case on the wire; some clients send
 *  camelCase. */
export function applyMask<T extends object>(
  current: T,
  wanted: T,
  paths: readonly string[],
  changeable: ReadonlySet<string>,
  what: string,
): T {
  if (paths.length === 0) throw invalidArgument('The update_mask in the request must be set, and must not be empty.');
  const fields = new Set(paths.map((path) => camelCase(path.split('.')[0] ?? '')));
  const refused = [...fields].filter((field) => !changeable.has(field));
  if (refused.length > 0) {
    throw invalidArgument(`Invalid update_mask: the field ${refused.join(', ')} of a ${what} cannot be updated.`);
  }
  const changes = Object.entries(wanted).filter(([field]) => fields.has(field));
  return { ...current, ...Object.fromEntries(changes) };
}

function camelCase(path: string): string {
  return path.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
