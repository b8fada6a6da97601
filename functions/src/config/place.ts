import { isWildcard } from './names.ts';

/** Where assets are: a collection by its path, all collections of an id, or those of an id whose path has this pattern.
 */
export interface Place {
  readonly name: string;
  readonly kind: 'path' | 'group' | 'pattern';
}

/** The place that a configuration names by `path` or `group`. */
export function placeOf({ path, group }: { path?: string | undefined; group?: string | undefined }): Place {
  if (path === undefined) return { name: group ?? '', kind: 'group' };
  return { name: path, kind: path.split('/').some(isWildcard) ? 'pattern' : 'path' };
}

/** The last segment of a collection's path, which is what indexes, rules and group queries go by. */
export function collectionIdOf({ name }: Pick<Place, 'name'>): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Whether a document lies directly in a place, by its path. */
export function liesIn({ name, kind }: Place, documentPath: string): boolean {
  const collection = documentPath.split('/').slice(0, -1);
  if (kind === 'group') return collection.at(-1) === name;
  const segments = name.split('/');
  return (
    segments.length === collection.length &&
    segments.every((segment, at) => segment === collection[at] || isAnyDocument(segment, at))
  );
}

/** Whether one document can lie in both places: it would be worked on twice. */
export function coverSameAssets(a: Place, b: Place): boolean {
  if (a.kind === 'group' || b.kind === 'group') return collectionIdOf(a) === collectionIdOf(b);
  const [segments, others] = [a.name.split('/'), b.name.split('/')];
  return (
    segments.length === others.length &&
    segments.every((segment, at) => {
      const other = others[at] ?? '';
      return segment === other || isAnyDocument(segment, at) || isAnyDocument(other, at);
    })
  );
}

/** Whether a document of the other place can lie below one of this place. */
export function mayLieBelow(place: Place, other: Place): boolean {
  if (other.kind === 'group') return true;
  const segments = other.name.split('/');
  const parents = segments.slice(0, -1).flatMap((_, at) => (at % 2 === 0 ? [segments.slice(0, at + 1).join('/')] : []));
  return parents.some((path) => coverSameAssets(place, placeOf({ path })));
}

function isAnyDocument(segment: string, at: number): boolean {
  return at % 2 === 1 && isWildcard(segment);
}
