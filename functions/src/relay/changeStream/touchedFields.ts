/** How a change at one path bears on a configured field: `whole` when the change tells the field's complete value (the
 *  field itself, or something around it, was set or removed), `part` when it tells only a piece of the value (something
 *  inside the field, an array element), `none` when it leaves the field alone. */
export type Touch = 'whole' | 'part' | 'none';

/** How a change at `path` (as `updateDescription` spells it: dots between names and array indexes) bears on `field`. */
export function touchOf(path: string, field: string): Touch {
  if (path === field || isInside(field, path)) return 'whole';
  return isInside(path, field) ? 'part' : 'none';
}

/** A regular expression (the syntax that MongoDB's PCRE and JavaScript share) for exactly the paths that touch one of
 *  the fields; undefined for no fields, which nothing touches. */
export function touchingPattern(fields: readonly string[]): string | undefined {
  if (fields.length === 0) return undefined;
  const around = new Set(fields.flatMap(ancestorsOf));
  const alternatives = [
    ...fields.map((field) => `${escaped(field)}(?:\\.[\\s\\S]*)?`),
    ...[...around].map((path) => escaped(path)),
  ];
  return `^(?:${alternatives.join('|')})$`;
}

/** The paths without those that lie inside another one of them: MongoDB refuses to project both (`Path collision`). */
export function withoutCovered(paths: readonly string[]): string[] {
  return [...new Set(paths)].filter((path) => !paths.some((other) => isInside(path, other)));
}

/** What is left of `inner` behind `outer`: `title` for `profile.title` in `profile`. */
export function restOfPath(inner: string, outer: string): string {
  return inner.slice(outer.length + 1);
}

function isInside(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}.`);
}

function ancestorsOf(path: string): string[] {
  const segments = path.split('.');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('.'));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/#-]/g, '\\$&');
}
