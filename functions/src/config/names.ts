import { z } from 'zod';

/** The most that a name may have in Firestore, in bytes
 *  (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields). */
const maxNameBytes = 1_500;

/** What is invisible, or breaks a line: nobody means it, and a name with it matches nothing. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What is wrong with any name, whoever keeps it. */
function problemOfText(name: string): string | undefined {
  if (name === '') return 'expected no empty segment';
  if (invisible.test(name)) return 'expected no control or invisible characters';
  if (name !== name.trim()) return `expected no blanks around "${name.trim()}"`;
  if (Buffer.byteLength(name) > maxNameBytes) return `expected at most ${maxNameBytes} bytes`;
  return undefined;
}

/** Rules of Firestore for collections and documents, and what Firestore would take without ever matching it. */
function problemOfId(id: string): string | undefined {
  if (id === '.' || id === '..') return `"${id}" is no name in Firestore`;
  if (/^__.*__$/.test(id)) return `"${id}": what stands between double underscores is reserved by Firestore`;
  if (id.includes('*')) return `"${id}": "*" is not a wildcard; write {anyName} for "any document"`;
  if (/[{}]/.test(id)) return `"${id}": a wildcard is a whole segment, {anyName}, and stands for a document`;
  return undefined;
}

function problemOfFieldSegment(segment: string): string | undefined {
  if (/^__.*__$/.test(segment)) return `"${segment}": what stands between double underscores is reserved by Firestore`;
  if (segment.startsWith('$')) return `"${segment}": a field does not begin with "$"`;
  if (segment.includes('*')) return `"${segment}": a field path has no wildcards`;
  if (/[`[\]]/.test(segment)) return `"${segment}": expected plain names between dots`;
  if (segment in Object.prototype)
    return `"${segment}": every object has it, so one without this field looks as if it had`;
  return undefined;
}

const wildcard = /^\{[A-Za-z_]\w*\}$/;

/** Names that mean something else in the rules and triggers that are made of a path: there a wildcard of that name
 *  would hide what the conditions are about, and every request would be refused. */
const takenInRules: ReadonlySet<string> = new Set([
  ...['request', 'resource', 'database', 'path', 'asset', 'lockstepAsset'],
  ...['true', 'false', 'null', 'in', 'is', 'let', 'if', 'function', 'return', 'allow', 'match', 'service'],
]);

function problemOfWildcards(segments: readonly string[]): string | undefined {
  const names = segments.filter((segment, index) => index % 2 === 1 && isWildcard(segment));
  const taken = names.find((name) => takenInRules.has(name.slice(1, -1)));
  if (taken !== undefined) return `"${taken}" has another meaning in security rules; choose another name`;
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? undefined : `"${twice}" is there twice; each wildcard needs a name of its own`;
}

/** Whether a segment of a path stands for any document. */
export function isWildcard(segment: string): boolean {
  return wildcard.test(segment);
}

/** Text of which `problemOf` finds the first problem. */
function named(problemOf: (text: string) => string | undefined) {
  return z.string().superRefine((text, context) => {
    const message = problemOf(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function firstProblem(segments: readonly string[], ...rules: readonly ((segment: string) => string | undefined)[]) {
  for (const segment of segments) {
    for (const rule of rules) {
      const problem = rule(segment);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** A field, or a nested one with dots (`meta.projectName`). */
export const fieldPath = named((path) =>
  path === ''
    ? 'expected a field path such as "name" or "meta.name"'
    : firstProblem(path.split('.'), problemOfText, problemOfFieldSegment),
);

/** A field of an asset that names files: as a field path, where `[]` behind a segment stands for each entry of a
 *  list. */
export const fileField = named((path) => {
  const checked = fieldPath.safeParse(path.replaceAll('[]', ''));
  if (!checked.success) return checked.error.issues[0]?.message;
  return path.split('.').every((segment) => /^[^[\]]+(\[\])*$/.test(segment))
    ? undefined
    : 'expected "[]" only behind the name of a list, as in "panels[].image"';
});

/** A field of a project that may change. */
export const sourceField = named((path) => {
  const checked = fieldPath.safeParse(path);
  if (!checked.success) return checked.error.issues[0]?.message;
  return /^_id(\.|$)/.test(path) ? '"_id" never changes: assets have it as their project id' : undefined;
});

/** A collection has an odd number of segments: `storyboards`, or `tenants/{tenantId}/storyboards`. */
export const collectionPath = named((path) => {
  const segments = path.split('/');
  const isPlain = (segment: string, index: number) => index % 2 === 0 || !isWildcard(segment);
  const problem = firstProblem(segments, problemOfText) ?? firstProblem(segments.filter(isPlain), problemOfId);
  if (problem !== undefined) return problem;
  return segments.length % 2 === 1
    ? problemOfWildcards(segments)
    : 'expected the path of a collection (an odd number of segments), not of a document';
});

/** The id of a collection group. */
export const groupId = named((id) =>
  id.includes('/')
    ? 'expected the id of a collection group, without "/"; a path with {wildcards} is a "path"'
    : firstProblem([id], problemOfText, problemOfId),
);

/** https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions: of all platforms, so that it holds on
 *  each. */
const forbiddenInDatabase = /[/\\. "$*<>:|?]/;
const maxDatabaseBytes = 64;

/** A database of MongoDB whose collections can be tailed
 *  (https://www.mongodb.com/docs/manual/changeStreams/#watch-a-collection--database--or-deployment). */
export const mongoDatabase = named((name) => {
  if (forbiddenInDatabase.test(name)) return 'expected none of / \\ . " $ * < > : | ? and no blank';
  if (['admin', 'local', 'config'].includes(name))
    return `"${name}" is a database of MongoDB itself, without change streams`;
  if (Buffer.byteLength(name) >= maxDatabaseBytes) return `expected fewer than ${maxDatabaseBytes} bytes`;
  return problemOfText(name);
});

export const mongoCollection = named((name) => {
  if (name.includes('$')) return 'expected no "$"';
  if (name.startsWith('system.')) return '"system." begins the names of collections of MongoDB itself';
  return problemOfText(name);
});

/** Text that goes into messages and logs. */
export const plainText = named(problemOfText);
