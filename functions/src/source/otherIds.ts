import { type BSON, UUID } from 'mongodb';
import type { IdForm } from '../config/defineConfig.ts';
import { extendedJson } from './extendedJson.ts';
import { formOfMongoId, projectIdFromMongo } from './projectIds.ts';

/** An `_id` of a project in none of the configured forms. */
export interface OtherId {
  /** As people write it: `UUID("…")`, and all but UUIDs as extended JSON. */
  readonly text: string;
  /** The form that it has; null for a type under which no asset can name a project (dates, documents …). */
  readonly form: IdForm | null;
}

/** Types of BSON that an `_id` can have, but for strings, ObjectIds, numbers and binary data. MongoDB takes no arrays
 *  and no regular expressions for it, and compares the deprecated symbols as the strings that they are:
 *  https://www.mongodb.com/docs/manual/reference/bson-types/ */
const neverAForm = [
  ...['minKey', 'null', 'object', 'bool', 'date', 'timestamp'],
  ...['javascript', 'javascriptWithScope', 'maxKey'],
];

/** Numbers that are not whole, or beyond what 64 bits hold. (Of all numbers, NaN is the smallest.) */
const notWhole = [
  { _id: { $in: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] } },
  { _id: { $gte: 2 ** 63 } },
  { _id: { $lt: -(2 ** 63) } },
  { _id: { $type: ['double', 'decimal'] }, $expr: { $ne: [{ $trunc: '$_id' }, '$_id'] } },
];

const firstUuid = new UUID('00000000-0000-0000-0000-000000000000');
const lastUuid = new UUID('ffffffff-ffff-ffff-ffff-ffffffffffff');

/** A filter for the projects whose `_id` is in none of these forms.
 *
 *  It names the types that are not expected, rather than negating those that are: each type is one range of the index
 *  of `_id`, so that MongoDB reads only what is to be found, however many projects there are, while the negation of
 *  `$type` reads every document. Binary data is sorted by length, subtype and bytes, so that every UUID (16 bytes of
 *  subtype 4) lies between the first and the last, and nothing else does:
 *  https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/ */
export function idsInNoForm(forms: readonly IdForm[]): BSON.Document {
  const types = [
    ...neverAForm,
    ...(forms.includes('string') ? [] : ['string']),
    ...(forms.includes('objectId') ? [] : ['objectId']),
    ...(forms.includes('uuid') ? [] : ['binData']),
    ...(forms.includes('integer') ? [] : ['double', 'int', 'long', 'decimal']),
  ];
  const binaryButNoUuid = [{ _id: { $lt: firstUuid } }, { _id: { $gt: lastUuid } }];
  return {
    $or: [
      { _id: { $type: types } },
      ...(forms.includes('uuid') ? binaryButNoUuid : []),
      ...(forms.includes('integer') ? notWhole : []),
    ],
  };
}

/** Longest text of an id, in characters: an `_id` may be a whole document. */
const maxText = 100;

/** How a report names an `_id` that was found. */
export function describeOtherId(id: unknown): OtherId {
  const form = formOfMongoId(id) ?? null;
  const text = form === 'uuid' ? `UUID("${projectIdFromMongo(id)}")` : extendedJson(id);
  return { text: text.length > maxText ? `${text.slice(0, maxText)}…` : text, form };
}
