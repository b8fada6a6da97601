import { Binary, ObjectId, UUID } from 'mongodb';
import type { IdForm } from '../config/defineConfig.ts';

/** The types that a project's `_id` may have. */
export type ProjectMongoId = string | ObjectId | Binary;

/** The form of an `_id`; undefined for a type that is none. */
export function formOfMongoId(id: unknown): IdForm | undefined {
  if (typeof id === 'string') return 'string';
  if (id instanceof ObjectId) return 'objectId';
  return isUuid(id) ? 'uuid' : undefined;
}

/** The string form of a project's `_id`, under which assets name it; undefined for an `_id` of a type that has none here. */
export function projectIdFromMongo(id: unknown): string | undefined {
  if (typeof id === 'string') return id;
  if (id instanceof ObjectId) return id.toHexString();
  return isUuid(id) ? id.toUUID().toString() : undefined;
}

const uuidBytes = 16;

function isUuid(id: unknown): id is Binary {
  return id instanceof Binary && id.sub_type === Binary.SUBTYPE_UUID && id.length() === uuidBytes;
}

/** Every `_id` that a project of this project id can have in MongoDB, whatever forms are configured: who asks wants to know whether the project is gone, and
 *  what lives in a form that nobody expected lives all the same. An id has more than one of them only if it looks like an ObjectId or a UUID. */
export function mongoIdsOf(projectId: string): ProjectMongoId[] {
  return [
    projectId,
    ...(/^[0-9a-f]{24}$/i.test(projectId) ? [new ObjectId(projectId)] : []),
    ...(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(projectId) ? [new UUID(projectId)] : []),
  ];
}
