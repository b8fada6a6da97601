import { randomUUID } from 'node:crypto';
import { dayMs, systemClock } from '../../src/clock.ts';
import config from '../../src/lockstep.config.ts';
import { restore } from '../../src/operations/archive.ts';
import { runOperation } from '../../src/operations/runOperation.ts';
import { type AssetCounts, assetCount } from './seedData.ts';
import type { Row } from './table.ts';
import type { DemoProject, Scenario, World } from './world.ts';

/** Of these, lockstep.config.ts archives the prototypes. */
const counts: AssetCounts = { storyboards: 1, panels: 2, analyses: 2, media: 3, prototypes: 3, scenes: 0 };

async function archivedDocuments({ firestore }: World, { projectId }: DemoProject): Promise<number> {
  const pages = await firestore.collection('syncArchive').where('projectId', '==', projectId).select('count').get();
  return pages.docs.reduce((sum, page) => sum + Number(page.get('count')), 0);
}

async function deletion(world: World, project: DemoProject): Promise<Row> {
  const measured = await world.measure(
    () => world.projects.deleteOne({ _id: project.id }),
    'every asset to go',
    async () => (await world.observer.count(project.projectId)) === 0,
  );
  const archived = await archivedDocuments(world, project);
  return {
    what: 'delete, where prototypes are archived',
    expected: `${assetCount(counts)} assets go, ${counts.prototypes} of them into the archive`,
    mongodb: 'no such project',
    firestore: `0 assets, ${archived} in the archive`,
    passed: archived === counts.prototypes,
    ...measured,
  };
}

/** The project is created again under its id and another name; then an operator has its archive restored. */
async function comeback(world: World, project: DemoProject): Promise<Row> {
  const { firestore, observer, requests } = world;
  const name = 'Back from the archive';
  await world.projects.insertOne({ _id: project.id, name });
  await observer.until('the project to live again', async () => {
    const record = await firestore.doc(`syncProjects/${project.projectId}`).get();
    return record.get('desired.kind') === 'live';
  });
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore, alarm: ignore };
  const services = {
    ...{ firestore, config, log, clock: systemClock, uniqueId: randomUUID },
    publisherTo: async () => requests,
    retentionMs: dayMs,
  };
  const actor = { name: 'demo', role: 'operator', via: 'terminal' } as const;
  const call = { actor, reason: 'deleted by mistake', input: { projectId: project.projectId } };
  const measured = await world.measure(
    async () => {
      const result = await runOperation(services, restore, call);
      if (result.kind !== 'done') throw new Error(`the restore was refused: ${JSON.stringify(result)}`);
    },
    'the archived assets to be back, with the name that the project has now',
    async () => (await observer.countNamed(project.projectId, name)) === counts.prototypes,
  );
  const left = await archivedDocuments(world, project);
  return {
    what: 'restore, into the project created again',
    expected: `${counts.prototypes} prototypes are back, with its new name`,
    mongodb: `name ${JSON.stringify(name)}`,
    firestore: `${await observer.count(project.projectId)} assets, ${left} in the archive`,
    passed: left === 0,
    ...measured,
  };
}

const ignore = () => undefined;

/** What is archived is deleted and can come back. */
export const archiveScenario: Scenario = {
  title: 'a deleted project comes back from the archive',
  async run(world) {
    const project = await world.createProject(counts);
    return [await deletion(world, project), await comeback(world, project)];
  },
};
