import { type AssetCollection, type Config, recordCollections } from '../../config/defineConfig.ts';

// The part of firestore.rules that follows from the configuration: one block for each collection of assets. Who is a
// member and who may query is the team's, and so is what stands between the markers of a block.

/** The text cannot be brought to the configuration without losing something; the message says what to do. */
export class RulesFileError extends Error {}

const begin =
  '// <lockstep> From here on "npm --prefix functions run rules" writes, except between <yours> and </yours>.';
const end = '// </lockstep>';

const section = /^([ \t]*)\/\/ <lockstep>.*\n([\s\S]*?)^[ \t]*\/\/ <\/lockstep>[ \t]*$/m;
const kept = /^[ \t]*\/\/ <yours (.+)>[ \t]*\n([\s\S]*?)^[ \t]*\/\/ <\/yours>[ \t]*$/gm;
const keptMarker = /^[ \t]*\/\/ <\/?yours\b/gm;

/** The text with the blocks that the configuration asks for.
 *  @throws RulesFileError when the markers are missing, or something of the team's would be lost. */
export function withAssetRules(text: string, { collections }: Config): string {
  const found = section.exec(text);
  if (found === null) {
    throw new RulesFileError(`the markers are missing: put them around the blocks of assets\n${begin}\n${end}`);
  }
  const [, indent = '', body = ''] = found;
  const yours = yoursIn(body);
  const lost = [...yours.keys()].find((name) => !collections.some((collection) => collection.name === name));
  if (lost !== undefined) {
    throw new RulesFileError(
      `<yours ${lost}>: the configuration has no such collection; move what stands there, or remove it`,
    );
  }
  const blocks = collections.map((collection) => blockOf(collection, wildcardIn(body, collection), yours));
  const shared = sharedFunctions(collections);
  const written = [begin, ...[...shared, ...blocks].flatMap((block) => ['', ...block]), '', end];
  const lines = written.map((line) =>
    line === '' || line.startsWith(ownLine) ? line.slice(ownOffset(line)) : indent + line,
  );
  return text.slice(0, found.index) + lines.join('\n') + text.slice(found.index + found[0].length);
}

/** What stands between the markers of the team, by the name of its collection.
 *  @throws RulesFileError where it is not clear what that is. */
function yoursIn(body: string): ReadonlyMap<string, string> {
  const parts = [...body.matchAll(kept)];
  const yours = new Map(parts.map(([, name = '', own = '']) => [name, own]));
  const markers = body.match(keptMarker) ?? [];
  if (markers.length === 2 * yours.size) return yours;
  throw new RulesFileError('each <yours NAME> needs a </yours> of its own, once for each collection');
}

/** Begins a line that is taken over as it is. */
const ownLine = '\0';
const ownOffset = (line: string) => (line.startsWith(ownLine) ? 1 : 0);

/** What a document is called in the block that is there, since the team's part may use it. */
function wildcardIn(body: string, collection: AssetCollection): string {
  const match = matchOf(collection, '{').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^[ \\t]*match ${match}(\\w+)\\}`, 'm').exec(body)?.[1] ?? 'asset';
}

function matchOf({ kind, name }: AssetCollection, wildcard: string): string {
  return kind === 'group' ? `/{path=**}/${name}/${wildcard}` : `/${name}/${wildcard}`;
}

function sharedFunctions(collections: readonly AssetCollection[]): string[][] {
  return [
    ...(collections.some(({ hideDeleted }) => hideDeleted) ? [shownFunction] : []),
    ...(collections.some(({ kind }) => kind === 'group') ? [belowRecordsFunction()] : []),
  ];
}

const shownFunction = [
  '// consistency: hideDeleted. What belongs to no project has no tombstone. One billed read for each get and each query.',
  'function isShown(owner) {',
  '  return owner == null || mayOwnAssets(owner);',
  '}',
];

const belowRecordsFunction = () => [
  '// A collection group is at the top and below any document, but not below the records of Lockstep. The first',
  "// segments of a path are databases, the database's name and documents.",
  'function isBelowRecords() {',
  ...listed('  return request.path[3] in [', Object.values(recordCollections)),
  '}',
];

/** Longest line, without the indentation of the file. */
const maxLength = 116;

function listed(opening: string, names: readonly string[]): string[] {
  const lines = [opening];
  names.forEach((name, index) => {
    const item = `'${name}'${index === names.length - 1 ? '];' : ','}`;
    const line = lines.at(-1) ?? '';
    const joined = line.endsWith('[') ? line + item : `${line} ${item}`;
    if (joined.length <= maxLength) lines[lines.length - 1] = joined;
    else lines.push(`    ${item}`);
  });
  return lines;
}

function blockOf(collection: AssetCollection, wildcard: string, yours: ReadonlyMap<string, string>): string[] {
  const { name, kind, projectId, hideDeleted } = collection;
  const segments = projectId.split('.');
  const [before, after] = ['resource', 'request.resource'].map(
    (resource) => `${resource}.data.get(${keyOf(segments)}, null)`,
  );
  const member = (resource: string) => `${resource}.data${segments.map(memberOf).join('')}`;
  const outside = kind === 'group' ? '!isBelowRecords() && ' : '';
  const shown = hideDeleted ? ` && isShown(${before})` : '';
  // Of a query only what it asks to be equal is known, and it has to be the project.
  const queried = hideDeleted ? ` && mayOwnAssets(${member('resource')})` : '';
  const update = `mayUpdate(${before}, ${after});`;
  const own = yours.get(name);
  return [
    `match ${matchOf(collection, `{${wildcard}}`)} {`,
    `  allow get: if ${outside}isMember(${before})${shown};`,
    `  allow list: if mayList()${queried};`,
    `  allow create: if ${outside}mayCreate(${member('request.resource')});`,
    ...(outside === ''
      ? [`  allow update: if ${update}`]
      : ['  allow update: if !isBelowRecords()', `    && ${update}`]),
    `  allow delete: if ${outside}isMember(${before});`,
    ...(own === undefined
      ? []
      : [
          '',
          `  // <yours ${name}>`,
          ...own
            .replace(/\n$/, '')
            .split('\n')
            .map((line) => ownLine + line),
          '  // </yours>',
        ]),
    '}',
  ];
}

/** The first argument of `get` of a map: https://firebase.google.com/docs/reference/rules/rules.Map#get */
function keyOf(segments: readonly string[]): string {
  const [only = ''] = segments;
  return segments.length === 1 ? textOf(only) : `[${segments.map(textOf).join(', ')}]`;
}

function memberOf(segment: string): string {
  return /^[A-Za-z_]\w*$/.test(segment) ? `.${segment}` : `[${textOf(segment)}]`;
}

function textOf(segment: string): string {
  return `'${segment.replaceAll(/['\\]/g, '\\$&')}'`;
}
