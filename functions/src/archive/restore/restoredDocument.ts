import type { DocumentData } from 'firebase-admin/firestore';
import type { AssetCollection, Config } from '../../config/defineConfig.ts';
import { liesIn } from '../../config/place.ts';
import type { Desired } from '../../records/projectRecord.ts';
import type { ArchivedDocument } from '../encodeDocument.ts';
import { isMap } from '../exactIntegers.ts';

/** What a document is to its project. */
export type Standing =
  /** An asset: a deletion finds it by its project id. */
  | { readonly kind: 'asset'; readonly collection: AssetCollection }
  /** It lies below these, the nearest first, and goes with whichever is an asset. */
  | { readonly kind: 'below'; readonly assets: readonly string[] }
  /** Nothing that is configured today would delete it again. */
  | { readonly kind: 'unmanaged' };

/** How a document would be found by a deletion of its project. */
export function standingOf(config: Config, { path, data }: ArchivedDocument, projectId: string): Standing {
  const own = config.collections.find((place) => liesIn(place, path));
  if (own !== undefined && fieldOf(data, own.projectId) === projectId) return { kind: 'asset', collection: own };
  const segments = path.split('/');
  const above = segments.flatMap((_, at) => (at % 2 === 1 ? [segments.slice(0, at + 1).join('/')] : [])).slice(0, -1);
  const assets = above.filter((document) =>
    config.collections.some((place) => place.recursive && liesIn(place, document)),
  );
  return assets.length > 0 ? { kind: 'below', assets: assets.reverse() } : { kind: 'unmanaged' };
}

/** The data with which a document comes back: of another project, if it is restored into one, and with its copies as
 *  the project is now. */
export function restoredData(
  config: Config,
  document: ArchivedDocument,
  standing: Standing,
  into: { readonly from: string; readonly to: string; readonly desired: Desired },
): DocumentData {
  let { data } = document;
  if (into.to !== into.from) {
    for (const path of new Set(config.collections.map(({ projectId }) => projectId))) {
      if (fieldOf(data, path) === into.from) data = withField(data, path.split('.'), into.to);
    }
  }
  if (standing.kind !== 'asset') return data;
  for (const [source, target] of Object.entries(standing.collection.copies)) {
    const known = into.desired.fields[source];
    if (known !== undefined) data = withField(data, target.split('.'), known.value);
  }
  return data;
}

/** A field by its dotted path; undefined where there is none. */
export function fieldOf(data: DocumentData, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined), data);
}

function withField(data: DocumentData, [name, ...rest]: readonly string[], value: unknown): DocumentData {
  if (name === undefined) return data;
  const inner: unknown = data[name];
  return { ...data, [name]: rest.length === 0 ? value : withField(isMap(inner) ? inner : {}, rest, value) };
}
