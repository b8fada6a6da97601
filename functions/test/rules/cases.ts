import type { DocumentData } from '../../local/rules/values.ts';
import type { Attempt, ClientRequest } from './engine.ts';

/** What the rules must answer to one request. */
export interface RulesCase extends Attempt {
  readonly name: string;
  readonly expect: 'allowed' | 'refused';
}

export const live = '66f0c1a2b3d4e5f6a7b8c9d0';
export const deleted = '66f0c1a2b3d4e5f6a7b8c9d1';
const revived = '66f0c1a2b3d4e5f6a7b8c9d2';
const unknown = '66f0c1a2b3d4e5f6a7b8c9d3';
const deletedUuid = '3f0e7a52-9c1b-4a59-8a51-0d5d3f0c2b11';
/** A living project of other people. */
export const foreign = '66f0c1a2b3d4e5f6a7b8c9d5';
const damaged = '66f0c1a2b3d4e5f6a7b8c9d4';

/** Records as Lockstep keeps them, as far as the rules look at them. */
const records: Record<string, DocumentData> = {
  [`syncProjects/${live}`]: { projectId: live, desired: { kind: 'live' } },
  [`syncProjects/${deleted}`]: { projectId: deleted, desired: { kind: 'deleted' } },
  [`syncProjects/${revived}`]: {
    projectId: revived,
    desired: { kind: 'live', deletedVersion: '6740a1b2000000030000' },
  },
  [`syncProjects/${deletedUuid}`]: { projectId: deletedUuid, desired: { kind: 'deleted' } },
  [`syncProjects/${damaged}`]: { projectId: damaged },
  [`syncProjects/${foreign}`]: { projectId: foreign, desired: { kind: 'live' } },
  'syncProjects/a%20b': { projectId: 'a b', desired: { kind: 'deleted' } },
  'syncProjects/%5F_x': { projectId: '__x', desired: { kind: 'deleted' } },
  'syncRelay/relay': { lease: { token: 1 } },
  'syncJobs/j1': { status: 'done' },
  'syncFailures/f1': { status: 'open' },
  'syncAudit/000000000001': { sequence: 1 },
  'syncControl/state': { paused: [] },
  'syncEvents/e1': { outcome: 'applied' },
  'syncOutbox/m1': { topic: 'events' },
  'syncMeasures/2026-11-27T12:34Z': { measure: {} },
  'syncAlerts/brake': { state: 'open' },
  'syncArchive/a1': { count: 1 },
  'syncFiles/f1': { files: ['a.png'] },
};

/** One kind of asset: where it lies, and its fields for a project. */
interface AssetKind {
  readonly path: string;
  readonly fields: (projectId: DocumentData[string]) => DocumentData;
}

const flat = (projectId: DocumentData[string]): DocumentData => ({ projectId, title: 'Opening' });

/** Every collection of lockstep.config.ts; a test holds this list against it. */
export const assetKinds: readonly AssetKind[] = [
  { path: 'storyboards', fields: flat },
  { path: 'aiAnalyses', fields: flat },
  { path: 'generatedMedia', fields: flat },
  { path: 'prototypes', fields: (projectId) => ({ meta: { projectId, projectName: 'Heist' }, title: 'Opening' }) },
  { path: 'scenes', fields: flat },
  { path: 'storyboards/s0/scenes', fields: flat },
  { path: 'studios/main/films/f1/scenes', fields: flat },
];

const user = 'alice';

const one = (
  name: string,
  expect: RulesCase['expect'],
  request: ClientRequest,
  given: Record<string, DocumentData> = {},
  as: string | undefined = user,
): RulesCase => ({ name, expect, request, given: { ...records, ...given }, as });

/** A user who is not signed in, as an argument that is not taken for "the default user". */
const anonymously = (rulesCase: RulesCase): RulesCase => ({ ...rulesCase, as: undefined });

function casesOf({ path, fields }: AssetKind): RulesCase[] {
  const asset = `${path}/a1`;
  const creation = (projectId: DocumentData[string]): ClientRequest => ({
    kind: 'set',
    path: asset,
    data: fields(projectId),
  });
  const given = (projectId: DocumentData[string]) => ({ [asset]: fields(projectId) });
  const move = (projectId: DocumentData[string]): ClientRequest => ({
    kind: 'update',
    path: asset,
    fields: fields(projectId),
  });
  const edit: ClientRequest = { kind: 'update', path: asset, fields: { title: 'Finale' } };
  return [
    one(`${path}: an asset of a living project is created`, 'allowed', creation(live)),
    one(`${path}: an asset of a project without a record is created`, 'allowed', creation(unknown)),
    one(`${path}: an asset of a project that was created again is created`, 'allowed', creation(revived)),
    one(`${path}: an asset of a deleted project is not created`, 'refused', creation(deleted)),
    one(`${path}: nor one whose project's id is a UUID`, 'refused', creation(deletedUuid)),
    one(`${path}: nor one whose project's record cannot be read`, 'refused', creation(damaged)),
    one(`${path}: nor one whose project's tombstone has an escaped id`, 'refused', creation('a b')),
    one(`${path}: nor one whose project's id begins with underscores`, 'refused', creation('__x')),
    one(`${path}: nor one whose project id would lead elsewhere`, 'refused', creation(`${live}/x/y`)),
    one(`${path}: nor one with an empty project id`, 'refused', creation('')),
    one(`${path}: nor one whose project id is not a text`, 'refused', creation(7)),
    one(`${path}: nor one without a project id`, 'refused', { kind: 'set', path: asset, data: { title: 'Opening' } }),
    one(`${path}: a replacement is an update, and allowed where it is`, 'allowed', creation(deleted), given(deleted)),
    one(`${path}: an asset of a living project is edited`, 'allowed', edit, given(live)),
    one(`${path}: an asset of a deleted project is edited until it goes`, 'allowed', edit, given(deleted)),
    one(`${path}: an asset without a project id is edited`, 'allowed', edit, { [asset]: { title: 'Opening' } }),
    one(`${path}: an asset is moved to a living project`, 'allowed', move(live), given(unknown)),
    one(`${path}: an asset is saved from a deleted project by a move`, 'allowed', move(live), given(deleted)),
    one(`${path}: an asset is not moved to a deleted project`, 'refused', move(deleted), given(live)),
    one(`${path}: nor by replacing it`, 'refused', creation(deleted), given(live)),
    one(`${path}: nor to an id that cannot be looked up`, 'refused', move('a b'), given(live)),
    one(`${path}: an asset is deleted`, 'allowed', { kind: 'delete', path: asset }, given(live)),
    one(`${path}: an asset is read`, 'allowed', { kind: 'get', path: asset }, given(live)),
    one(`${path}: assets are listed`, 'allowed', { kind: 'list', collection: path }, given(live)),
    one(
      `${path}: an asset of other people's project is not read`,
      'refused',
      { kind: 'get', path: asset },
      given(foreign),
    ),
    one(`${path}: nor created`, 'refused', creation(foreign)),
    one(`${path}: nor edited`, 'refused', edit, given(foreign)),
    one(`${path}: nor deleted`, 'refused', { kind: 'delete', path: asset }, given(foreign)),
    one(`${path}: nor taken over`, 'refused', move(live), given(foreign)),
    one(`${path}: nor is one given to them`, 'refused', move(foreign), given(live)),
    anonymously(one(`${path}: nobody creates without signing in`, 'refused', creation(live))),
    anonymously(one(`${path}: nobody edits without signing in`, 'refused', edit, given(live))),
    anonymously(one(`${path}: nobody moves without signing in`, 'refused', move(unknown), given(live))),
    anonymously(
      one(`${path}: nobody deletes without signing in`, 'refused', { kind: 'delete', path: asset }, given(live)),
    ),
    anonymously(one(`${path}: nobody reads without signing in`, 'refused', { kind: 'get', path: asset }, given(live))),
    anonymously(
      one(`${path}: nobody lists without signing in`, 'refused', { kind: 'list', collection: path }, given(live)),
    ),
  ];
}

function casesOfRecords(document: string): RulesCase[] {
  const [collection = ''] = document.split('/');
  const below = `${document}/history/h1`;
  const sceneBelow = `${document}/scenes/x1`;
  const requests: [string, ClientRequest][] = [
    ['read', { kind: 'get', path: document }],
    ['listed', { kind: 'list', collection }],
    ['created', { kind: 'set', path: `${collection}/new`, data: { a: 1 } }],
    ['replaced', { kind: 'set', path: document, data: { desired: { kind: 'live' } } }],
    ['edited', { kind: 'update', path: document, fields: { desired: { kind: 'live' } } }],
    ['deleted', { kind: 'delete', path: document }],
    ['given a document below', { kind: 'set', path: below, data: { projectId: live } }],
    ['read below', { kind: 'get', path: below }],
    ['listed below', { kind: 'list', collection: `${document}/history` }],
    ['given a scene below', { kind: 'set', path: sceneBelow, data: { projectId: live } }],
  ];
  const given = { [sceneBelow]: { projectId: live } };
  const others: RulesCase[] = [
    one(`${collection}: a scene below it is not read`, 'refused', { kind: 'get', path: sceneBelow }, given),
    one(
      `${collection}: a scene below it is not edited`,
      'refused',
      { kind: 'update', path: sceneBelow, fields: { a: 1 } },
      given,
    ),
    one(`${collection}: a scene below it is not deleted`, 'refused', { kind: 'delete', path: sceneBelow }, given),
  ];
  return [
    ...requests.map(([what, request]) => one(`${collection}: a record is not ${what}`, 'refused', request)),
    ...requests.map(([what, request]) =>
      anonymously(one(`${collection}: nor ${what} without signing in`, 'refused', request)),
    ),
    ...others,
  ];
}

const panel = 'storyboards/s1/panels/p1';
const storyboardOf = (projectId: string) => ({ 'storyboards/s1': flat(projectId) });
const panelCreation: ClientRequest = { kind: 'set', path: panel, data: { image: 'https://example.com/1.png' } };
const bothAtOnce = (projectId: string): ClientRequest => ({
  kind: 'batch',
  writes: [
    { kind: 'set', path: 'storyboards/s1', data: flat(projectId) },
    { kind: 'set', path: panel, data: { image: 'https://example.com/1.png' } },
  ],
});

const casesOfPanels: readonly RulesCase[] = [
  one('a panel of a living storyboard is created', 'allowed', panelCreation, storyboardOf(live)),
  one('a storyboard and its panel are created at once', 'allowed', bothAtOnce(live)),
  one('a storyboard of a deleted project and its panel are not', 'refused', bothAtOnce(deleted)),
  one(
    'a panel below a storyboard of a deleted project is not created',
    'refused',
    panelCreation,
    storyboardOf(deleted),
  ),
  one('a panel below a storyboard that is gone is not created', 'refused', panelCreation),
  one(
    'a panel is not created in the batch that deletes its storyboard',
    'refused',
    {
      kind: 'batch',
      writes: [
        { kind: 'delete', path: 'storyboards/s1' },
        { kind: 'set', path: panel, data: {} },
      ],
    },
    storyboardOf(live),
  ),
  one(
    'a panel is edited',
    'allowed',
    { kind: 'update', path: panel, fields: { a: 1 } },
    { ...storyboardOf(live), [panel]: {} },
  ),
  one('a panel is deleted', 'allowed', { kind: 'delete', path: panel }, { ...storyboardOf(live), [panel]: {} }),
  one('a panel is read', 'allowed', { kind: 'get', path: panel }, { ...storyboardOf(live), [panel]: {} }),
  one('panels are listed', 'allowed', { kind: 'list', collection: 'storyboards/s1/panels' }, storyboardOf(live)),
  one("a panel of other people's storyboard is not created", 'refused', panelCreation, storyboardOf(foreign)),
  one('nor read', 'refused', { kind: 'get', path: panel }, { ...storyboardOf(foreign), [panel]: {} }),
  one(
    'nor edited',
    'refused',
    { kind: 'update', path: panel, fields: { a: 1 } },
    { ...storyboardOf(foreign), [panel]: {} },
  ),
  one('nor deleted', 'refused', { kind: 'delete', path: panel }, { ...storyboardOf(foreign), [panel]: {} }),
  anonymously(one('a panel is not created without signing in', 'refused', panelCreation, storyboardOf(live))),
  anonymously(one('a panel is not read without signing in', 'refused', { kind: 'get', path: panel }, { [panel]: {} })),
  anonymously(
    one('a panel is not deleted without signing in', 'refused', { kind: 'delete', path: panel }, { [panel]: {} }),
  ),
  anonymously(
    one('panels are not listed without signing in', 'refused', { kind: 'list', collection: 'storyboards/s1/panels' }),
  ),
];

const casesOfTheRest: readonly RulesCase[] = [
  one('the collection group is listed', 'allowed', { kind: 'listGroup', group: 'scenes' }),
  anonymously(
    one('the collection group is not listed without signing in', 'refused', { kind: 'listGroup', group: 'scenes' }),
  ),
  one(
    'a collection without rules is not read',
    'refused',
    { kind: 'get', path: 'elsewhere/e1' },
    { 'elsewhere/e1': {} },
  ),
  one('a collection without rules is not written', 'refused', {
    kind: 'set',
    path: 'elsewhere/e1',
    data: { projectId: live },
  }),
  one(
    'another subcollection of a storyboard is closed',
    'refused',
    { kind: 'set', path: 'storyboards/s1/notes/n1', data: {} },
    storyboardOf(live),
  ),
  one(
    'what is below a panel is closed',
    'refused',
    { kind: 'set', path: `${panel}/notes/n1`, data: {} },
    storyboardOf(live),
  ),
  one('one refused write refuses its whole batch', 'refused', {
    kind: 'batch',
    writes: [
      { kind: 'set', path: 'storyboards/s1', data: flat(live) },
      { kind: 'set', path: 'storyboards/s2', data: flat(deleted) },
    ],
  }),
];

/** Everything that the rules must answer, for whatever judges by them: the interpreter here, the official emulator
 *  where it runs. */
export const rulesCases: readonly RulesCase[] = [
  ...assetKinds.flatMap(casesOf),
  ...['syncRelay/relay', `syncProjects/${deleted}`, 'syncJobs/j1', 'syncFailures/f1'].flatMap(casesOfRecords),
  ...['syncAudit/000000000001', 'syncControl/state', 'syncEvents/e1', 'syncOutbox/m1'].flatMap(casesOfRecords),
  ...['syncMeasures/2026-11-27T12:34Z', 'syncAlerts/brake', 'syncArchive/a1', 'syncFiles/f1'].flatMap(casesOfRecords),
  ...casesOfPanels,
  ...casesOfTheRest,
];
