import { isDeepStrictEqual } from 'node:util';
import { type DocumentReference, FieldPath, type Firestore } from 'firebase-admin/firestore';
import { type Collection, ObjectId } from 'mongodb';
import type { AssetCollection, Config } from '../../src/config/defineConfig.ts';
import { isTooBig } from '../../src/grpc.ts';
import { parseHistoryEntry } from '../../src/records/historyEntry.ts';
import { type ProjectRecord, parseProjectRecord, projectRecordRef } from '../../src/records/projectRecord.ts';
import type { ProjectDocument } from '../../src/source/connect.ts';
import { type ProjectMongoId, projectIdFromMongo } from '../../src/source/projectIds.ts';
import { differencesFromHistory } from '../../src/sync/foldHistory.ts';
import { type Act, type AssetKind, type AssetName, type ProjectFields, refusedName } from './history.ts';

/** A guarantee that does not hold. */
export interface Violation {
  readonly what: string;
  readonly detail: string;
}

/** Where the assets of each kind are kept, in terms of the configuration under test. */
export type Places = Readonly<Record<AssetKind, AssetCollection>>;

/** The service that owns the projects and the clients that work on assets, with clients of their own that nothing
 *  disturbs; and what they know of the state that must come of it. */
export interface World {
  /** Carries out an act, and notes what must come of it. */
  perform(act: Act): Promise<void>;
  /** Compares MongoDB and Firestore document by document. `reconciled`: not even what was added to deleted projects
   *  may be left. `visited`: nor of what was added to projects with a tombstone. `historyLost`: records of projects
   *  may have missed changes, assets may not. `eventsLost`: they may also wait for a continuation. */
  verify(options: {
    readonly reconciled: boolean;
    readonly visited?: boolean;
    readonly historyLost: boolean;
    readonly eventsLost?: boolean;
  }): Promise<Violation[]>;
  /** Whether only a reconciliation removes what is left: assets that clients added to deleted projects, and what lies
   *  below assets that a client deleted alone. */
  hasLeftovers(): boolean;
  /** Keeps the state of MongoDB for a later `restore`. */
  backUp(): Promise<void>;
  changes(): number;
  /** A person has decided that what is left of a deleted project stays. */
  keep(project: string): void;
}

/** Leaves an asset room for its short copies only: Firestore takes 1 MiB
 *  (https://firebase.google.com/docs/firestore/quotas). */
const filling = 'x'.repeat(1_047_500);

export interface WorldOptions {
  /** Whether transactions are so small that what lies below an asset goes in several of them. */
  readonly isNarrow: () => boolean;
  /** Publishes a deletion that did not happen. */
  readonly onInvent: (project: string, aheadMs: number) => Promise<void> | void;
  readonly projects: Collection<ProjectDocument>;
  readonly firestore: Firestore;
  readonly config: Config;
  readonly places: Places;
  /** Called after every change of a project. `tells`: it touched what copies or assets depend on, so that there must be
   *  an event of it. */
  readonly onChange: (project: string, tells: boolean) => void;
  /** Notified of what clients put into archived collections, and delete themselves. */
  readonly archive?: {
    readonly seeded: (paths: readonly string[]) => void;
    readonly removed: (paths: readonly string[]) => void;
  };
}

/** What must come of an asset: it stays, it goes with its project, or its project was deleted and created again around
 *  it, so that both are right. */
type Fate = 'stays' | 'goes' | 'either';

interface KnownAsset {
  readonly kind: AssetKind;
  readonly ref: DocumentReference;
  readonly below: readonly string[];
  /** It was moved in the middle of its deletion, and has lost what went in transactions before. */
  isTorn: boolean;
  project: string;
  edits: number;
  fate: Fate;
  /** It has no room for longer copies: what it shows may be stale, with a dead letter that says so. */
  full: boolean;
}

interface KnownProject {
  fields: ProjectFields | null;
  /** It was there at some time: a record may well know nothing of one that never was. */
  hasLived: boolean;
}

/** Tells an asset that a client made from one that a write brought to life. */
const body = 'made by a client';

/** Collection of what lies below an asset. */
const belowCollection = 'panels';

export function createWorld({
  projects,
  firestore,
  config,
  places,
  onChange,
  onInvent,
  isNarrow,
  archive,
}: WorldOptions): World {
  const known = new Map<string, KnownProject>();
  const assets = new Map<string, KnownAsset>();
  /** Violations that were seen on the way. */
  const seen: Violation[] = [];
  /** Projects of which a person has decided that their assets stay. */
  const kept = new Set<string>();
  /** What lies below assets that a client deleted alone. */
  const phantoms = new Set<string>();
  let backup: readonly ProjectDocument[] = [];
  /** Projects that had a value which no copy can have. */
  const refused = new Set<string>();
  let changes = 0;

  const projectOf = (project: string): KnownProject => {
    const entry = known.get(project) ?? { fields: null, hasLived: false };
    known.set(project, entry);
    return entry;
  };

  const fieldsOf = (project: string): ProjectFields => projectOf(project).fields ?? {};

  /** A new or moved asset stays if its project lives, even while a deletion of an earlier life is still at work. */
  const fateIn = (project: string): Fate => (projectOf(project).fields === null ? 'either' : 'stays');

  /** Notes the new state of a project; null: it is gone. */
  function changed(project: string, fields: ProjectFields | null, isTold = true): void {
    const entry = projectOf(project);
    const before = entry.fields;
    entry.fields = fields;
    entry.hasLived ||= fields !== null;
    changes += 1;
    const told = (state: ProjectFields | null) =>
      state === null ? null : Object.entries(state).filter(([field]) => config.source.fields.includes(field));
    onChange(
      project,
      (isTold && !isDeepStrictEqual(new Map(told(before)), new Map(told(fields)))) ||
        (before === null) !== (fields === null),
    );
  }

  /** The asset, if it is still there; notes a violation if it should be. */
  async function touch(name: AssetName, update: (asset: KnownAsset) => unknown[]): Promise<KnownAsset | undefined> {
    const asset = assets.get(`${name.kind}/${name.id}`);
    if (asset === undefined) return undefined;
    const isThere = await firestore.runTransaction(async (transaction) => {
      const snapshot = await transaction.get(asset.ref);
      if (!snapshot.exists) return false;
      const [path, value, ...more] = update(asset);
      if (path instanceof FieldPath) transaction.update(asset.ref, path, value, ...more);
      return true;
    });
    if (isThere) return asset;
    if (asset.fate === 'stays') {
      seen.push({
        what: 'asset of a live project lost',
        detail: `${asset.ref.path} of ${asset.project} was gone when a client came to it`,
      });
    }
    assets.delete(`${name.kind}/${name.id}`);
    return undefined;
  }

  async function add(act: Extract<Act, { do: 'add' }>): Promise<void> {
    const place = places[act.kind];
    const fate = fateIn(act.project);
    const host = act.inside && assets.get(`${act.inside.kind}/${act.inside.id}`);
    const batch = firestore.batch();
    for (const id of act.ids) {
      const ref = host ? host.ref.collection(place.name).doc(id) : referenceOf(firestore, place, id);
      batch.create(ref, assetData(place, act.project, fieldsOf(act.project)));
      const below = Array.from({ length: act.below }, (_, index) => `${ref.path}/${belowCollection}/${index}`);
      for (const path of below) batch.create(firestore.doc(path), { panel: true });
      assets.set(`${act.kind}/${id}`, {
        kind: act.kind,
        ref,
        below,
        project: act.project,
        edits: 0,
        fate,
        full: false,
        isTorn: false,
      });
    }
    await batch.commit();
    if (place.retentionMs === null) return;
    archive?.seeded(act.ids.flatMap((id) => pathsOf(act.kind, id)));
  }

  /** Of an asset, and of what lies below it. */
  function pathsOf(kind: AssetKind, id: string): readonly string[] {
    const asset = assets.get(`${kind}/${id}`);
    return asset === undefined ? [] : [asset.ref.path, ...asset.below];
  }

  async function move(act: Extract<Act, { do: 'move' }>): Promise<void> {
    // It may have no room for the copies of its new project.
    if (assets.get(`${act.asset.kind}/${act.asset.id}`)?.full) return;
    const place = places[act.asset.kind];
    const fate = fateIn(act.to);
    const moved = await touch(act.asset, () => [
      pathOf(place.projectId),
      act.to,
      ...copiesOf(place, fieldsOf(act.to)).flatMap(([path, value]) => [pathOf(path), value]),
    ]);
    if (moved && moved.fate !== 'stays' && isNarrow()) moved.isTorn = true;
    if (moved) Object.assign(moved, { project: act.to, fate });
  }

  async function remove(act: Extract<Act, { do: 'remove' }>): Promise<void> {
    const asset = await touch(act.asset, () => []);
    if (asset === undefined) return;
    const batch = firestore.batch();
    for (const path of asset.below) batch.delete(firestore.doc(path));
    batch.delete(asset.ref);
    archive?.removed([asset.ref.path, ...asset.below]);
    await batch.commit();
    assets.delete(`${act.asset.kind}/${act.asset.id}`);
  }

  async function abandon(name: AssetName): Promise<void> {
    const asset = await touch(name, () => []);
    if (asset === undefined) return;
    archive?.removed([asset.ref.path, ...asset.below]);
    await asset.ref.delete();
    for (const path of asset.below) phantoms.add(path);
    assets.delete(`${name.kind}/${name.id}`);
  }

  /** The backup takes the place of the collection at once, with a name of its own until then. */
  async function restore(): Promise<void> {
    const restored = projects.db.collection<ProjectDocument>(`${projects.collectionName}-restored`);
    await restored.insertMany([...backup]);
    await restored.rename(projects.collectionName, { dropTarget: true });
    const there = new Map(backup.map((document) => [projectIdFromMongo(document._id) ?? '', document]));
    for (const project of new Set([...known.keys(), ...there.keys()])) {
      const entry = projectOf(project);
      const { _id, ...fields } = there.get(project) ?? {};
      const lives = there.has(project);
      for (const asset of assets.values()) {
        if (asset.project !== project) continue;
        if (!lives) asset.fate = 'goes';
        else if (asset.fate === 'goes') asset.fate = 'either';
      }
      entry.fields = lives ? fields : null;
    }
  }

  async function perform(act: Act): Promise<void> {
    switch (act.do) {
      // What was restored may be another life than the one that the history goes on with.
      case 'create':
        if (projectOf(act.project).fields !== null) return;
        await projects.insertOne({ _id: mongoId(act.project), ...act.fields });
        return changed(act.project, act.fields);
      case 'replace':
        if (projectOf(act.project).fields === null) return;
        await projects.replaceOne({ _id: mongoId(act.project) }, { ...act.fields });
        return changed(act.project, act.fields);
      case 'change': {
        if (projectOf(act.project).fields === null) return;
        const unset = Object.fromEntries(act.unset.map((field) => [field, '' as const]));
        await projects.updateOne(
          { _id: mongoId(act.project) },
          { $set: { ...act.set }, ...(act.unset.length > 0 && { $unset: unset }) },
        );
        const kept = Object.entries(fieldsOf(act.project)).filter(([field]) => !Object.hasOwn(unset, field));
        return changed(act.project, { ...Object.fromEntries(kept), ...act.set });
      }
      case 'delete':
        await projects.deleteOne({ _id: mongoId(act.project) });
        for (const asset of assets.values()) if (asset.project === act.project) asset.fate = 'goes';
        return changed(act.project, null);
      case 'add':
        return add(act);
      case 'move':
        return move(act);
      case 'remove':
        return remove(act);
      case 'fill': {
        try {
          const asset = await touch(act.asset, () => [new FieldPath('filling'), filling]);
          if (asset) asset.full = true;
        } catch (error) {
          // It shows the long name already, and has no room: the client is told so, and nothing has changed.
          if (!isTooBig(error)) throw error;
        }
        return;
      }
      case 'refuse': {
        if (projectOf(act.project).fields === null) return;
        refused.add(act.project);
        await projects.updateOne({ _id: mongoId(act.project) }, { $set: { name: refusedName } });
        return changed(act.project, { ...fieldsOf(act.project), name: refusedName }, false);
      }
      case 'abandon':
        return abandon(act.asset);
      case 'restore':
        return restore();
      case 'invent':
        return onInvent(act.project, act.aheadMs);
      case 'edit': {
        const asset = await touch(act.asset, ({ edits }) => [new FieldPath('edits'), edits + 1]);
        if (asset) asset.edits += 1;
      }
    }
  }

  return {
    async perform(act) {
      await perform(act);
      if (act.do !== 'create') return;
      // Both are right for what is left of the life before.
      for (const asset of assets.values())
        if (asset.project === act.project && asset.fate === 'goes') asset.fate = 'either';
    },
    changes: () => changes,
    keep(project) {
      kept.add(project);
      for (const asset of assets.values())
        if (asset.project === project && asset.fate === 'goes') asset.fate = 'either';
    },
    async backUp() {
      backup = await projects.find().toArray();
    },
    hasLeftovers: () =>
      phantoms.size > 0 ||
      [...assets.values()].some(
        ({ project, fate }) => fate === 'either' && projectOf(project).fields === null && !kept.has(project),
      ),
    async verify({ reconciled, visited = false, historyLost, eventsLost = false }) {
      const violations = [...seen];
      const report = (what: string, detail: string) => void violations.push({ what, detail });
      const live = new Map<string, ProjectDocument>();
      for (const document of await projects.find().toArray())
        live.set(projectIdFromMongo(document._id) ?? '', document);
      const stored = await readAssets(firestore, places);
      const expected = new Map([...assets.values()].map((asset) => [asset.ref.path, asset]));

      for (const [path, { data, place }] of stored.assets) {
        const asset = expected.get(path);
        if (asset === undefined) {
          report('asset resurrected', `${path} is there, although it was deleted: ${JSON.stringify(data)}`);
          continue;
        }
        const project = live.get(asset.project);
        if (project === undefined) {
          const isSwept = reconciled || (visited && (await hasTombstone(firestore, asset.project)));
          if (asset.fate === 'goes' || (isSwept && !kept.has(asset.project)))
            report('asset of a deleted project left', `${path} of ${asset.project}`);
          continue;
        }
        if (asset.full) continue;
        const want = assetData(place, asset.project, Object.fromEntries(Object.entries(project)), asset.edits);
        // What no copy can have is dead-lettered, and the copies stay as they are.
        const isRefused = isDeepStrictEqual(project.name, refusedName);
        for (const difference of differences(want, data))
          if (!isRefused || !difference.startsWith(place.copies.name ?? ' '))
            report('asset differs from its project', `${path}: ${difference}`);
      }
      for (const [path, asset] of expected) {
        if (asset.fate !== 'stays' || !live.has(asset.project)) continue;
        if (!stored.assets.has(path)) report('asset of a live project lost', `${path} of ${asset.project}`);
        const lost = asset.isTorn ? [] : asset.below.filter((below) => !stored.below.has(below));
        if (lost.length > 0) report('document below an asset of a live project lost', lost.join(', '));
      }
      for (const path of stored.below) {
        const parent = path.split('/').slice(0, 2).join('/');
        if (stored.assets.has(parent)) continue;
        if (!phantoms.has(path)) report('document below a deleted asset left', path);
        else if (reconciled) report('document below a missing parent left', path);
      }
      for (const [projectId, { fields, hasLived }] of known) {
        const snapshot = await projectRecordRef(firestore, projectId).get();
        if (!snapshot.exists) continue;
        const record = parseProjectRecord(projectId, snapshot.data());
        // A continuation that was lost is not redelivered. The record says that its work is not over, and the next news
        // or finding ends it; who had begun with a late duplicate may have died, and its lease runs out.
        const waits = record.appliedRevision !== record.revision && eventsLost;
        if (record.lease !== null && !waits)
          report('lease not given back', `${projectId}: ${JSON.stringify(record.lease)}`);
        if (record.appliedRevision !== record.revision && !eventsLost) {
          report(
            'project not converged',
            `${projectId}: revision ${record.revision}, applied ${record.appliedRevision}`,
          );
        }
        // An invented deletion takes the fields out of a record, and what MongoDB says then has none for a refused
        // value: its history knows an older one.
        const compared = refused.has(projectId) ? [] : await differencesOfHistory(firestore, record);
        for (const difference of compared) report('history disagrees with the record', `${projectId}: ${difference}`);
        if (record.appliedRevision === record.revision && record.open.length > 0)
          report('an applied event is still open', `${projectId}: ${JSON.stringify(record.open)}`);
        if (historyLost) continue;
        const kind = fields === null ? 'deleted' : 'live';
        // Nor of one whose only change was refused, and whose repair met a pause.
        const mayBeUnknown = !hasLived || refused.has(projectId);
        if (record.desired.kind !== kind && !(mayBeUnknown && record.desired.kind === 'unknown'))
          report('record says otherwise', `${projectId} is ${kind}, its record says ${record.desired.kind}`);
        for (const [field, { value }] of Object.entries(record.desired.fields)) {
          const now = live.get(projectId)?.[field];
          if (isDeepStrictEqual(now, refusedName)) continue;
          if (!config.source.fields.includes(field) || isDeepStrictEqual(value, live.get(projectId)?.[field] ?? null))
            continue;
          report(
            'record says otherwise',
            `${projectId}.${field} is ${JSON.stringify(live.get(projectId)?.[field])}, its record says ${JSON.stringify(value)}`,
          );
        }
      }
      return violations;
    },
  };
}

async function hasTombstone(firestore: Firestore, project: string): Promise<boolean> {
  const snapshot = await projectRecordRef(firestore, project).get();
  return parseProjectRecord(project, snapshot.data()).desired.kind === 'deleted';
}

/** How the record of a project differs from the fold of what its events have left in the history. */
async function differencesOfHistory(firestore: Firestore, record: ProjectRecord): Promise<readonly string[]> {
  const stored = await firestore.collection('syncEvents').where('projectId', '==', record.projectId).get();
  const entries = stored.docs.map((document) => parseHistoryEntry(document.ref.path, document.data()));
  return differencesFromHistory(record, entries, 0);
}

function mongoId(project: string): ProjectMongoId {
  return ObjectId.isValid(project) && project.length === 24 ? new ObjectId(project) : project;
}

/** Groups are spread over several parents. */
function referenceOf(firestore: Firestore, place: AssetCollection, id: string): DocumentReference {
  if (place.kind === 'path') return firestore.collection(place.name).doc(id);
  return firestore.doc(`films/film-${id.charCodeAt(id.length - 1) % 2}/${place.name}/${id}`);
}

function pathOf(path: string): FieldPath {
  return new FieldPath(...path.split('.'));
}

function copiesOf(place: AssetCollection, fields: object): [path: string, value: unknown][] {
  const values = new Map<string, unknown>(Object.entries(fields));
  const shown = (value: unknown) => (isDeepStrictEqual(value, refusedName) ? null : (value ?? null));
  return Object.entries(place.copies).map(([source, target]) => [target, shown(values.get(source))]);
}

function assetData(place: AssetCollection, project: string, fields: object, edits = 0): Record<string, unknown> {
  const data: Record<string, unknown> = { body, edits };
  for (const [path, value] of [[place.projectId, project] as const, ...copiesOf(place, fields)]) {
    const [first = '', second] = path.split('.');
    data[first] = second === undefined ? value : { ...(isRecord(data[first]) ? data[first] : {}), [second]: value };
  }
  return data;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What differs, in words. A missing value and null say the same. */
function differences(
  want: Readonly<Record<string, unknown>>,
  have: Readonly<Record<string, unknown>>,
  path = '',
): string[] {
  return [...new Set([...Object.keys(want), ...Object.keys(have)])].flatMap((key) => {
    const [wanted, found] = [want[key] ?? null, have[key] ?? null];
    if (isRecord(wanted) && isRecord(found)) return differences(wanted, found, `${path}${key}.`);
    return isDeepStrictEqual(wanted, found)
      ? []
      : [`${path}${key} is ${JSON.stringify(found)}, should be ${JSON.stringify(wanted)}`];
  });
}

async function readAssets(firestore: Firestore, places: Places) {
  const assets = new Map<string, { readonly place: AssetCollection; readonly data: Record<string, unknown> }>();
  for (const place of Object.values(places)) {
    const all = place.kind === 'group' ? firestore.collectionGroup(place.name) : firestore.collection(place.name);
    for (const document of (await all.get()).docs) assets.set(document.ref.path, { place, data: document.data() });
  }
  const below = await firestore.collectionGroup(belowCollection).get();
  return { assets, below: new Set(below.docs.map(({ ref }) => ref.path)) };
}
