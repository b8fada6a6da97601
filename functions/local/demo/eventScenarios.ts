import { encodeEvent } from '../../src/events/codec.ts';
import { type AssetCounts, assetCount, assetsOfProject } from './seedData.ts';
import type { DemoProject, Scenario, World } from './world.ts';
import { writeAll } from './writeAll.ts';

const small: AssetCounts = { storyboards: 2, panels: 3, analyses: 2, media: 4, prototypes: 1, scenes: 2 };

/** Assets of `small` that hold a copy of the name: storyboards, media and prototypes. */
const smallWithCopies = small.storyboards + small.media + small.prototypes;

/** What MongoDB holds of a project when it is read afresh. */
async function inMongo(world: World, project: DemoProject): Promise<string> {
  const found = await world.projects.findOne({ _id: project.id });
  return found === null ? 'no project' : `name ${JSON.stringify(found.name)}`;
}

const rename: Scenario = {
  title: 'rename',
  async run(world) {
    const project = await world.createProject(small);
    const name = `Der Fall "Ω" – Act 1's end 🎬`;
    const measured = await world.measure(
      () => world.projects.updateOne({ _id: project.id }, { $set: { name } }),
      'every copy to show the new name',
      async () => (await world.observer.countNamed(project.projectId, name)) === smallWithCopies,
    );
    const named = await world.observer.countNamed(project.projectId, name);
    return [
      {
        what: 'rename',
        expected: `${smallWithCopies} copies follow`,
        mongodb: await inMongo(world, project),
        firestore: `${named} copies show it`,
        passed: named === smallWithCopies,
        ...measured,
      },
    ];
  },
};

const replaceDocument: Scenario = {
  title: 'replace of a whole project document',
  async run(world) {
    const project = await world.createProject(small);
    const name = 'Replaced: 新しい題名';
    const measured = await world.measure(
      () => world.projects.replaceOne({ _id: project.id }, { name, owner: 'someone else', updatedBy: 'user-3' }),
      'every copy to show the name of the new document',
      async () => (await world.observer.countNamed(project.projectId, name)) === smallWithCopies,
    );
    const named = await world.observer.countNamed(project.projectId, name);
    return [
      {
        what: 'replace of the whole document',
        expected: `${smallWithCopies} copies follow`,
        mongodb: await inMongo(world, project),
        firestore: `${named} copies show it`,
        passed: named === smallWithCopies,
        ...measured,
      },
    ];
  },
};

const otherField: Scenario = {
  title: 'update that touches no configured field',
  async run(world) {
    const project = await world.createProject(small);
    const before = await world.firestore.doc(`syncProjects/${project.projectId}`).get();
    await world.projects.updateOne({ _id: project.id }, [
      { $set: { likes: { $add: ['$likes', 1] }, lastSeen: '$$NOW' } },
    ]);
    // The stream is in order: once a later change of another project has arrived, this one would have, too.
    await world.createProject({ ...small, panels: 0 });
    const events = world.seenEvents.filter((event) => event.projectId === project.projectId).length;
    const after = await world.firestore.doc(`syncProjects/${project.projectId}`).get();
    const same = before.get('revision') === after.get('revision');
    return [
      {
        what: 'update of another field',
        expected: 'no event after the creation',
        mongodb: `likes ${String((await world.projects.findOne({ _id: project.id }))?.likes)}`,
        firestore: `${events - 1} events, record ${same ? 'untouched' : 'CHANGED'}`,
        passed: events === 1 && same,
      },
    ];
  },
};

const deleteOne: Scenario = {
  title: 'delete',
  async run(world) {
    const project = await world.createProject(small);
    const neighbour = await world.createProject(small);
    const measured = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every asset to be gone',
      async () => (await world.observer.count(project.projectId)) === 0,
    );
    const left = await world.observer.count(project.projectId);
    const kept = await world.observer.count(neighbour.projectId);
    return [
      {
        what: 'delete',
        expected: `${assetCount(small)} assets go, the neighbour's ${assetCount(small)} stay`,
        mongodb: await inMongo(world, project),
        firestore: `${left} left, neighbour has ${kept}`,
        passed: left === 0 && kept === assetCount(small),
        ...measured,
      },
    ];
  },
};

const deleteSubcollections: Scenario = {
  title: 'delete with subcollections',
  async run(world) {
    const counts: AssetCounts = { storyboards: 10, panels: 30, analyses: 0, media: 0, prototypes: 0, scenes: 0 };
    const project = await world.createProject(counts);
    const panels = () => {
      const group = world.firestore.collectionGroup('panels');
      const [first, last] = [`storyboards/${project.projectId}-board-`, `storyboards/${project.projectId}-board-~`];
      return world.observer.countOf(group.orderBy('__name__').startAt(`${first}/panels/0`).endAt(`${last}/panels/0`));
    };
    const before = await panels();
    const measured = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every storyboard to be gone',
      async () => (await world.observer.count(project.projectId)) === 0,
    );
    const left = await panels();
    return [
      {
        what: 'delete with subcollections',
        expected: '10 storyboards and their 300 panels go',
        mongodb: await inMongo(world, project),
        firestore: `${await world.observer.count(project.projectId)} storyboards, ${left} of ${before} panels left`,
        passed: before === 300 && left === 0,
        ...measured,
      },
    ];
  },
};

const deleteGroup: Scenario = {
  title: 'delete by collection group',
  async run(world) {
    const counts: AssetCounts = { storyboards: 0, panels: 0, analyses: 0, media: 0, prototypes: 0, scenes: 40 };
    const project = await world.createProject(counts);
    const scenes = () =>
      world.observer.countOf(world.firestore.collectionGroup('scenes').where('projectId', '==', project.projectId));
    const before = await scenes();
    const measured = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every scene to be gone',
      async () => (await scenes()) === 0,
    );
    const left = await scenes();
    return [
      {
        what: 'delete by collection group',
        expected: '40 scenes in screenplays/…/scenes go',
        mongodb: await inMongo(world, project),
        firestore: `${left} of ${before} scenes left`,
        passed: before === 40 && left === 0,
        ...measured,
      },
    ];
  },
};

const bulkDelete: Scenario = {
  title: 'bulk delete of 50 projects',
  async run(world) {
    const projects = await Promise.all(Array.from({ length: 50 }, () => world.createProject(small)));
    const ids = projects.map((project) => project.id);
    const countAll = async () => {
      const counts = await Promise.all(projects.map((project) => world.observer.count(project.projectId)));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const before = await countAll();
    // One project is looked at after the other, so that the looking does not take the time of what it looks at.
    const waiting = projects.map((project) => project.projectId);
    const measured = await world.measure(
      () => world.projects.deleteMany({ _id: { $in: ids } }),
      'the assets of all 50 projects to be gone',
      async () => {
        const [next] = waiting;
        if (next !== undefined && (await world.observer.count(next)) === 0) waiting.shift();
        return waiting.length === 0;
      },
    );
    const left = await countAll();
    return [
      {
        what: 'bulk delete of 50 projects',
        expected: `${before} assets go`,
        mongodb: `${await world.projects.countDocuments({ _id: { $in: ids } })} of 50 projects`,
        firestore: `${left} assets left`,
        passed: before === 50 * assetCount(small) && left === 0,
        ...measured,
      },
    ];
  },
};

const recreate: Scenario = {
  title: 'recreate after delete',
  async run(world) {
    const project = await world.createProject(small);
    const gone = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every asset to be gone',
      async () => (await world.observer.count(project.projectId)) === 0,
    );
    const name = 'Second life';
    await world.projects.insertOne({ _id: project.id, name, updatedBy: 'user-17' });
    await writeAll(world.firestore, assetsOfProject(project.projectId, { name }, small));
    const deletion = world.seenEvents.find(
      (event) => event.projectId === project.projectId && event.type === 'ProjectDeleted',
    );
    // The old deletion is delivered again, long after: it must not take the new assets.
    if (deletion) await world.events.publish(encodeEvent(deletion));
    await world.createProject(small);
    await world.observer.until(
      'the re-creation to be applied',
      async () => (await world.firestore.doc(`syncProjects/${project.projectId}`).get()).get('desired.kind') === 'live',
    );
    const left = await world.observer.count(project.projectId);
    return [
      {
        what: 'recreate after delete',
        expected: `${assetCount(small)} new assets stay, though the old deletion is redelivered`,
        mongodb: await inMongo(world, project),
        firestore: `${left} assets`,
        passed: deletion !== undefined && left === assetCount(small),
        latencyMs: gone.latencyMs,
        billed: gone.billed,
      },
    ];
  },
};

/** What follows a change of a project by way of events. */
export const eventScenarios: readonly Scenario[] = [
  rename,
  replaceDocument,
  otherField,
  deleteOne,
  deleteSubcollections,
  deleteGroup,
  bulkDelete,
  recreate,
];
