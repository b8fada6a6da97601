import { isWildcard } from './names.ts';
import type { Place } from './place.ts';

/** Whether a function is called with each write of a collection's documents. */
export function isWatched({ guard, files }: { readonly guard: boolean; readonly files: readonly string[] }): boolean {
  return guard || files.length > 0;
}

/** Longest name of a function behind `watch-`: the service of Cloud Run that it becomes has at most 49 characters
 *  (https://cloud.google.com/run/docs/deploying#service). */
const maxNameLength = 43;

/** The name of the function that watches a collection, which stays as long as its path does: `tenants/{id}/boards` is
 *  `tenantsBoards`, deployed as `watch-tenantsBoards`. */
export function watchName({ name }: Pick<Place, 'name'>): string {
  const words = name
    .split('/')
    .filter((segment, index) => index % 2 === 0 || !isWildcard(segment))
    .flatMap((segment) => segment.split(/[-_]+/))
    .filter((word) => word !== '');
  return words.map((word, index) => (index === 0 ? word : word[0]?.toUpperCase() + word.slice(1))).join('');
}

/** The documents of a place, as the path of a Firestore trigger. */
export function watchedDocuments({ name }: Pick<Place, 'name'>): string {
  return `${name}/{lockstepAsset}`;
}

/** Why no function can be called with the writes of a place; undefined if one can. */
export function watchProblem(place: Place): string | undefined {
  if (place.kind === 'group') {
    return `a trigger of Firestore has the path of a document, and no path covers a collection group; name "${place.name}" by its paths, such as "parents/{parentId}/${place.name}"`;
  }
  const name = watchName(place);
  if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) {
    return `a function is named after "${place.name}", and can have letters and digits only`;
  }
  if (name.length > maxNameLength) {
    return `a function is named after "${place.name}", and "${name}" has more than ${maxNameLength} characters`;
  }
  return undefined;
}
