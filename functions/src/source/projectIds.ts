import { Binary, ObjectId, UUID } from 'mongodb';
import type { IdForm } from '../config/defineConfig.ts';

/** The types that a project's `_id` may have. */
export type ProjectMongoId = string | ObjectId | Binary;

/** The string form of a project's `_id`, under which assets name it; undefined for an `_id` of a type that has none here. */
export function projectIdFromMongo(id: unknown): string | undefined {
  if (typeof id === 'string') return id;
  if (id instanceof ObjectId) return id.toHexString();
  if (id instanceof Binary && id.sub_type === Binary.SUBTYPE_UUID) return id.toUUID().toString();
  return undefined;
}

/** Every `_id` that a project of this project id can have in MongoDB, in the configured forms.
 *  Empty when the id fits none of them, so no project can have it. */
export function mongoIdsOf(projectId: string, forms: readonly IdForm[]): ProjectMongoId[] {
  return forms.map((form) => inForm[form](projectId)).filter((id) => id !== undefined);
}

/** The `_id` of a project id in each form; undefined where the id cannot have that form. */
const inForm: Readonly<Record<IdForm, (projectId: string) => ProjectMongoId | undefined>> = {
  string: (projectId) => projectId,
  objectId: (projectId) => (/^[0-9a-f]{24}$/i.test(projectId) ? new ObjectId(projectId) : undefined),
  uuid: (projectId) =>
    /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(projectId) ? new UUID(projectId) : undefined,
};
