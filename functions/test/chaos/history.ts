import type { CopyValue } from '../../src/events/copyValue.ts';
import type { Random } from './random.ts';

// What happens to projects and assets, apart from how it is carried out: the simulated runs and those with processes
// share it.

/** Fields of a project that copies depend on, and one that none does. */
export interface ProjectFields {
  readonly name?: CopyValue;
  readonly status?: CopyValue;
  readonly members?: number;
}

/** Where an asset is kept. */
export const assetKinds = ['storyboard', 'media', 'analysis', 'scene'] as const;
export type AssetKind = (typeof assetKinds)[number];

/** One act of the service that owns the projects, or of a client that works on assets. */
export type Act =
  | { readonly do: 'create'; readonly project: string; readonly fields: ProjectFields }
  /** `unset` names fields that are removed. */
  | {
      readonly do: 'change';
      readonly project: string;
      readonly set: ProjectFields;
      readonly unset: readonly ('name' | 'status')[];
    }
  | { readonly do: 'replace'; readonly project: string; readonly fields: ProjectFields }
  | { readonly do: 'delete'; readonly project: string }
  /** New assets with the copies that the project has at this moment; `below` counts documents below each. */
  | {
      readonly do: 'add';
      readonly project: string;
      readonly kind: AssetKind;
      readonly ids: readonly string[];
      readonly below: number;
      /** Below this asset, which may belong to another project. */
      readonly inside?: AssetName;
    }
  /** To another project, with its copies. */
  | { readonly do: 'move'; readonly asset: AssetName; readonly to: string }
  /** A client deletes an asset, and what lies below. */
  | { readonly do: 'remove'; readonly asset: AssetName }
  /** A client goes on working on an asset, which touches none of its copies. */
  | { readonly do: 'edit'; readonly asset: AssetName }
  /** A client fills an asset up, so that it refuses any longer copy. */
  | { readonly do: 'fill'; readonly asset: AssetName }
  /** Somebody publishes a deletion of a project that nobody deleted; `aheadMs` in the future. */
  | { readonly do: 'invent'; readonly project: string; readonly aheadMs: number }
  /** The project gets a name that no copy can have. */
  | { readonly do: 'refuse'; readonly project: string }
  /** A client deletes an asset itself, and leaves what lies below. */
  | { readonly do: 'abandon'; readonly asset: AssetName }
  /** The cluster is replaced by one that was restored from a backup, made before the history began. */
  | { readonly do: 'restore' };

export interface AssetName {
  readonly kind: AssetKind;
  readonly id: string;
}

export interface Step {
  /** Since the step before, in ms. */
  readonly afterMs: number;
  readonly act: Act;
}

export interface HistoryOptions {
  readonly steps: number;
  /** The longest ordinary pause between two steps, in ms. */
  readonly pauseMs: number;
  readonly projectIds: readonly string[];
  /** What the ids of assets begin with. */
  readonly assetPrefix: string;
  /** Assets that one step adds at most, apart from the rare large one. */
  readonly assetsPerStep: number;
  /** Assets of the rare step that adds more than one page of them; 0 for none. */
  readonly manyAssets: number;
  /** How many acts on a living project add so many. */
  readonly manyShare: number;
}

export interface History {
  /** What is there before anybody watches. */
  readonly before: readonly Act[];
  readonly steps: readonly Step[];
}

/** Few, so that a project gets an earlier name again now and then: that is where order matters most. */
const names: readonly CopyValue[] = ['Dawn', 'Dusk', 'Ünï "q" 🎬', null];

/** A name that a full asset has no room for. */
export const longName = 'A name for which a full asset has no room. '.repeat(40);

/** A name that Firestore refuses
 *  (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields). */
export const refusedName: CopyValue = { __name__: 'reserved' };

/** How far ahead invented deletions are dated: not at all, by less and by more than clocks differ. */
const aheadMs: readonly number[] = [0, 1_000, 3_600_000, 20 * 3_600_000];
const statuses: readonly CopyValue[] = ['draft', 'final', 7, null];

/** Assets that clients take from a project in one go. */
const mostTaken = 4;

/** How likely the next acts belong together. */
const knotChance = 0.5;

/** How likely a pause is a long one, so that everything before is over; how much longer it is. */
const longPause = { chance: 0.1, factor: 40 };

/** A history of some projects and their assets, all from `random`. */
export function createHistory(random: Random, options: HistoryOptions): History {
  const living = new Set<string>();
  const assets = new Map<string, AssetName & { project: string }>();
  let count = 0;

  const fields = (): ProjectFields => ({
    name: random.pick(names),
    status: random.pick(statuses),
    members: random.whole(1, 9),
  });

  const add = (project: string, many: boolean): Act => {
    const kind = many ? 'storyboard' : random.pick(assetKinds);
    const ids = Array.from({ length: many ? options.manyAssets : random.whole(1, options.assetsPerStep) }, () => {
      count += 1;
      return `${options.assetPrefix}${String(count).padStart(4, '0')}`;
    });
    const boards = [...assets.values()].filter((asset) => asset.kind === 'storyboard');
    const inside = kind === 'scene' && boards.length > 0 && random.chance(0.5) ? random.pick(boards) : undefined;
    for (const id of ids) assets.set(`${kind}/${id}`, { kind, id, project });
    const nested = inside === undefined ? {} : { inside: { kind: inside.kind, id: inside.id } };
    return { do: 'add', ...nested, project, kind, ids, below: kind === 'storyboard' && !many ? random.whole(0, 2) : 0 };
  };

  const create = (project: string): Act => {
    living.add(project);
    return { do: 'create', project, fields: fields() };
  };

  const change = (project: string): Act => {
    const both = random.chance(0.3);
    const name = both || random.chance(0.6);
    const unset = random.chance(0.1) ? [name ? ('name' as const) : ('status' as const)] : [];
    const set: ProjectFields = {
      ...((both || name) && !unset.includes('name')
        ? { name: random.chance(0.1) ? longName : random.pick(names) }
        : {}),
      ...((both || !name) && !unset.includes('status') ? { status: random.pick(statuses) } : {}),
      members: random.whole(1, 9),
    };
    return { do: 'change', project, set, unset };
  };

  function next(): Act {
    const project = random.pick(options.projectIds);
    const known = [...assets.values()];
    if (known.length > 0 && random.chance(0.22)) {
      const asset = random.pick(known);
      const name = { kind: asset.kind, id: asset.id };
      const what = random.next();
      if (what < 0.6) {
        asset.project = project;
        return { do: 'move', asset: name, to: project };
      }
      if (what < 0.8) return { do: 'edit', asset: name };
      if (what < 0.83 && asset.kind === 'media') return { do: 'fill', asset: name };
      assets.delete(`${asset.kind}/${asset.id}`);
      return { do: 'remove', asset: name };
    }
    if (!living.has(project)) {
      // Clients do not always know that a project is gone.
      return random.chance(0.15) ? add(project, false) : create(project);
    }
    const what = random.next();
    if (what < 0.04) return { do: 'invent', project, aheadMs: random.pick(aheadMs) };
    if (what < 0.42) return change(project);
    if (what < 0.47) return { do: 'replace', project, fields: fields() };
    if (what < 0.72) return add(project, false);
    if (what < 0.72 + options.manyShare && options.manyAssets > 0) return add(project, true);
    living.delete(project);
    return { do: 'delete', project };
  }

  /** A few acts on one project that are most likely to be confused with each other. */
  function knot(): Act[] {
    const project = random.pick(options.projectIds);
    if (!living.has(project)) {
      const acts = [create(project), add(project, false)];
      if (random.chance(0.5)) return acts;
      living.delete(project);
      return [...acts, { do: 'delete', project }];
    }
    const [first, second] = random.chance(0.5) ? ['Dawn', 'Dusk'] : ['Dusk', 'Dawn'];
    const rename = (name: string): Act => ({
      do: 'change',
      project,
      set: { name, members: random.whole(1, 9) },
      unset: [],
    });
    const own = [...assets.values()].filter((asset) => asset.project === project);
    const kind = own.length === 0 ? random.whole(0, 2) : random.whole(0, 4);
    switch (kind) {
      case 3:
      case 4: {
        // Clients take its assets away while it is renamed or deleted.
        if (kind === 4) living.delete(project);
        const taken = own.slice(0, mostTaken).map((asset): Act => {
          const name = { kind: asset.kind, id: asset.id };
          const to = random.pick(options.projectIds);
          if (to === project || random.chance(0.5)) {
            assets.delete(`${asset.kind}/${asset.id}`);
            return { do: 'remove', asset: name };
          }
          asset.project = to;
          return { do: 'move', asset: name, to };
        });
        return [kind === 4 ? { do: 'delete', project } : rename(first ?? ''), ...taken];
      }
      case 0:
        // There and back, with an asset from in between.
        return [rename(first ?? ''), rename(second ?? ''), add(project, false), rename(first ?? '')];
      case 1:
        // Gone and back, with assets of both lives.
        living.delete(project);
        return [add(project, false), { do: 'delete', project }, create(project), add(project, false)];
      default:
        living.delete(project);
        return [rename(first ?? ''), add(project, false), rename(second ?? ''), { do: 'delete', project }];
    }
  }

  const before: Act[] = [];
  for (const project of options.projectIds) {
    if (!random.chance(0.6)) continue;
    before.push(create(project));
    for (let times = random.whole(0, 2); times > 0; times -= 1) before.push(add(project, false));
  }
  const steps: Step[] = [];
  while (steps.length < options.steps) {
    for (const act of random.chance(knotChance) ? knot() : [next()]) {
      const factor = random.chance(longPause.chance) ? longPause.factor : 1;
      steps.push({ afterMs: Math.ceil(random.next() * options.pauseMs * factor), act });
    }
  }
  return { before, steps };
}

/** How likely acts are that most histories do without, per history. */
const rareChances = { refuse: 0.15, abandon: 0.3, restore: 0.04 };

/** Adds what happens rarely. It has a source of randomness of its own, so that the rest stays as it is. */
export function withRareActs({ before, steps }: History, random: Random, projectIds: readonly string[]): History {
  const rare = [...steps];
  const insert = (earliest: number, act: Act) =>
    rare.splice(random.whole(earliest, rare.length), 0, { afterMs: random.whole(1, 2_000), act });
  if (random.chance(rareChances.refuse)) insert(0, { do: 'refuse', project: random.pick(projectIds) });
  if (random.chance(rareChances.abandon)) {
    const added = [...before, ...steps.map(({ act }) => act)].flatMap((act, index) =>
      act.do === 'add' && act.below > 0 ? [{ asset: act, from: Math.max(0, index - before.length + 1) }] : [],
    );
    if (added.length > 0) {
      const { asset, from } = random.pick(added);
      insert(from, { do: 'abandon', asset: { kind: asset.kind, id: random.pick(asset.ids) } });
    }
  }
  if (random.chance(rareChances.restore)) insert(0, { do: 'restore' });
  return { before, steps: rare };
}

/** An act in a few words. */
export function describeAct(act: Act): string {
  switch (act.do) {
    case 'create':
    case 'replace':
      return `${act.do} ${act.project} ${JSON.stringify(act.fields)}`;
    case 'change':
      return `change ${act.project} ${JSON.stringify(act.set)}${act.unset.length > 0 ? ` without ${act.unset.join(', ')}` : ''}`;
    case 'delete':
      return `delete ${act.project}`;
    case 'add':
      return `add ${act.kind} ${act.ids.join(', ')} to ${act.project}${act.below > 0 ? ` with ${act.below} below` : ''}${act.inside ? ` inside ${act.inside.id}` : ''}`;
    case 'move':
      return `move ${act.asset.kind} ${act.asset.id} to ${act.to}`;
    case 'invent':
      return `invent a deletion of ${act.project}, ${act.aheadMs} ms ahead`;
    case 'refuse':
      return `give ${act.project} a name that no copy can have`;
    case 'restore':
      return 'a restored cluster takes the place of this one';
    case 'remove':
    case 'edit':
    case 'fill':
    case 'abandon':
      return `${act.do} ${act.asset.kind} ${act.asset.id}`;
  }
}
