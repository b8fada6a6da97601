import type { Document } from 'mongodb';
import type { Config } from '../../config/defineConfig.ts';
import { touchingPattern, withoutCovered } from './touchedFields.ts';

/** Changes that end the life of the collection under its name; MongoDB sends `invalidate` right after each. */
const endingOperations = ['drop', 'rename', 'dropDatabase', 'invalidate'];

const updatedFields = { $objectToArray: { $ifNull: ['$updateDescription.updatedFields', { $literal: {} }] } };

/** Every path that an update names, however it changed. */
const changedPaths = {
  $concatArrays: [
    { $map: { input: updatedFields, as: 'entry', in: '$$entry.k' } },
    { $ifNull: ['$updateDescription.removedFields', { $literal: [] }] },
    {
      $map: {
        input: { $ifNull: ['$updateDescription.truncatedArrays', { $literal: [] }] },
        as: 'cut',
        in: '$$cut.field',
      },
    },
  ],
};

/** How much of a change travels. `key`: which project, but nothing of its content, and no expression looks into that;
 *  `none`: not even that. Each is for changes that cannot be read with more. */
export type ChangeDetail = 'full' | 'key' | 'none';

/** The stages behind `$changeStream` for changes whose content cannot be read. */
export function barePipeline(detail: Exclude<ChangeDetail, 'full'>): Document[] {
  return [
    { $match: { operationType: { $in: ['insert', 'update', 'replace', 'delete', ...endingOperations] } } },
    {
      $project: {
        operationType: 1,
        clusterTime: 1,
        wallTime: 1,
        ...(detail === 'key' ? { 'documentKey._id': 1 } : {}),
      },
    },
  ];
}

/** The stages that let through only the end of a collection. */
export const endingPipeline: Document[] = [{ $match: { operationType: { $in: endingOperations } } }];

/** The stages behind `$changeStream`: MongoDB drops what no copy depends on, and sends of the rest only what an event
 *  needs, so that neither the network nor the relay pays for the size of projects. Paths are compared as text because
 *  `updateDescription` has them as keys with dots in them (`{"profile.title": …}`), which a plain `$match` path cannot
 *  address. `updated` travels as a list of `{k, v}` for the same reason. */
export function changePipeline(source: Config['source']): Document[] {
  const touching = touchingPattern(source.fields);
  const needed = withoutCovered([...source.fields, source.actor]);
  const neededPaths = touchingPattern(needed);
  return [
    {
      $match: {
        $or: [
          { operationType: { $in: ['insert', 'delete', ...endingOperations] } },
          // Without a configured field no update can matter, not even a replacement.
          ...(touching === undefined
            ? []
            : [
                { operationType: 'replace' },
                {
                  operationType: 'update',
                  $expr: {
                    $anyElementTrue: [
                      {
                        $map: {
                          input: changedPaths,
                          as: 'path',
                          in: { $regexMatch: { input: '$$path', regex: touching } },
                        },
                      },
                    ],
                  },
                },
              ]),
        ],
      },
    },
    {
      $project: {
        operationType: 1,
        clusterTime: 1,
        wallTime: 1,
        'documentKey._id': 1,
        ...Object.fromEntries(needed.map((path) => [`fullDocument.${path}`, 1] as const)),
        [`fullDocumentBeforeChange.${source.actor}`]: 1,
        updated: {
          $filter: {
            input: updatedFields,
            as: 'entry',
            cond: { $regexMatch: { input: '$$entry.k', regex: neededPaths } },
          },
        },
        removed: '$updateDescription.removedFields',
        truncated: '$updateDescription.truncatedArrays.field',
        disambiguated: '$updateDescription.disambiguatedPaths',
      },
    },
  ];
}
