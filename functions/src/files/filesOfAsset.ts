import { type FilePlace, fileNamedBy, type NotOurs } from './fileName.ts';

/** What an asset names. */
export interface FilesOfAsset {
  /** Names of objects, each once, sorted. */
  readonly names: readonly string[];
  /** Values that name no file of the place, counted by why: they are never followed. */
  readonly ignored: Readonly<Partial<Record<NotOurs, number>>>;
}

/** The files that an asset names in the configured fields (`imageUrl`, `panels[].image`). */
export function filesOfAsset(fields: readonly string[], data: unknown, place: FilePlace): FilesOfAsset {
  const names = new Set<string>();
  const ignored: Partial<Record<NotOurs, number>> = {};
  for (const value of fields.flatMap((field) => valuesAt(data, field))) {
    const named = fileNamedBy(value, place);
    if (named.kind === 'file') names.add(named.name);
    if (named.kind === 'ignored') ignored[named.why] = (ignored[named.why] ?? 0) + 1;
  }
  return { names: [...names].sort(), ignored };
}

/** The field to read for a configured one: `panels` of `panels[].image`, since Firestore selects no part of a list. */
export function rootFieldOf(field: string): string {
  const end = field.indexOf('[]');
  return end === -1 ? field : field.slice(0, end);
}

/** The values at a field, where `[]` behind a segment stands for each entry of a list. None where it is not there. */
function valuesAt(data: unknown, field: string): readonly unknown[] {
  return field.split('.').reduce<readonly unknown[]>(
    (values, segment) => {
      const name = segment.replace(/(\[\])+$/, '');
      const depth = (segment.length - name.length) / '[]'.length;
      const named = values.flatMap((value) => (isMap(value) && Object.hasOwn(value, name) ? [value[name]] : []));
      return Array.from({ length: depth }).reduce<readonly unknown[]>(
        (lists) => lists.flatMap((list) => (Array.isArray(list) ? list : [])),
        named,
      );
    },
    [data],
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
