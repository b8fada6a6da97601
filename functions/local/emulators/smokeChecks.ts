import { ObjectId } from 'mongodb';
import * as bundle from '../../src/index.ts';
import { type AssetCounts, assetCount, assetsOfProject } from '../demo/seedData.ts';
import type { Row } from '../demo/table.ts';
import type { World } from '../demo/world.ts';
import { writeAll } from '../demo/writeAll.ts';
import type { EmulatedFunction } from './emulatedFunctions.ts';

const counts: AssetCounts = { storyboards: 1, panels: 2, analyses: 1, media: 2, prototypes: 1, scenes: 1 };
const assets = assetCount(counts);
const copies = counts.storyboards + counts.media + counts.prototypes;

/** One thing that is looked at, in the order given. */
export interface Check {
  readonly what: string;
  run(world: World, functions: readonly EmulatedFunction[]): Promise<Row>;
}

const served: Check = {
  what: 'functions',
  async run(_world, functions) {
    const names = functions.map(({ name }) => name).sort();
    const expected = Object.keys(bundle).sort();
    return {
      what: 'functions that the emulator serves',
      expected: `all ${expected.length}`,
      mongodb: '',
      firestore: names.length === expected.length ? `${names.length}` : names.join(', '),
      passed: names.join() === expected.join(),
    };
  },
};

const firstReconciliation: Check = {
  what: 'first reconciliation',
  async run(world) {
    // Also because two reconciliations never run at once: those below would find this one at work.
    const jobs = world.firestore.collection('syncJobs').where('reason', '==', 'first-start');
    const ended = async () => (await jobs.get()).docs.find((job) => job.get('status') !== 'running');
    await world.observer.until('it to end', async () => (await ended()) !== undefined);
    const status = String((await ended())?.get('status'));
    return {
      what: 'reconciliation at the first start of the relay',
      expected: 'done',
      mongodb: '',
      firestore: status,
      passed: status === 'done',
    };
  },
};

const create: Check = {
  what: 'create',
  async run(world) {
    const project = await world.createProject(counts);
    const found = await world.observer.count(project.projectId);
    return {
      what: 'create',
      expected: `event applied, ${assets} assets stay`,
      mongodb: `name ${JSON.stringify(project.name)}`,
      firestore: `${found} assets`,
      passed: found === assets,
    };
  },
};

const rename: Check = {
  what: 'rename',
  async run(world) {
    const project = await world.createProject(counts);
    const name = 'Renamed through the emulator';
    const { latencyMs } = await world.measure(
      () => world.projects.updateOne({ _id: project.id }, { $set: { name } }),
      'every copy to show the new name',
      async () => (await world.observer.countNamed(project.projectId, name)) === copies,
    );
    return {
      what: 'rename',
      expected: `${copies} copies follow`,
      mongodb: `name ${JSON.stringify(name)}`,
      firestore: `${copies} copies show it`,
      latencyMs,
      passed: true,
    };
  },
};

const remove: Check = {
  what: 'delete',
  async run(world) {
    const project = await world.createProject(counts);
    const neighbour = await world.createProject(counts);
    const { latencyMs } = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every asset to be gone',
      async () => (await world.observer.count(project.projectId)) === 0,
    );
    const kept = await world.observer.count(neighbour.projectId);
    return {
      what: 'delete',
      expected: `${assets} assets go, the neighbour's ${assets} stay`,
      mongodb: 'no project',
      firestore: `0 left, neighbour has ${kept}`,
      latencyMs,
      passed: kept === assets,
    };
  },
};

const deadLetter: Check = {
  what: 'dead letter',
  async run(world) {
    const data = `not JSON ${new ObjectId().toHexString()}`;
    // What they say is not indexed.
    const dead = world.firestore.collection('syncFailures').where('status', '==', 'dead');
    const isKept = async () => (await dead.get()).docs.some((failure) => failure.get('preview') === data);
    await world.events.publish({ data: Buffer.from(data), attributes: {} });
    await world.observer.until('the dead letter to be kept', isKept);
    return {
      what: 'message that cannot be read',
      expected: 'kept as a dead letter',
      mongodb: '',
      firestore: '1 in syncFailures',
      passed: true,
    };
  },
};

const scheduledReconciliation: Check = {
  what: 'reconcileAssets',
  async run(world, functions) {
    const orphan = new ObjectId().toHexString();
    await writeAll(world.firestore, assetsOfProject(orphan, 'A project that never was', counts));
    const url = functions.find(({ name }) => name === 'reconcileAssets')?.url ?? '';
    const answer = await fetch(url, { method: 'POST' });
    await world.observer.until('the orphan to go', async () => (await world.observer.count(orphan)) === 0);
    const left = await world.observer.count(orphan);
    return {
      what: 'reconcileAssets, called as by its schedule',
      expected: `200, the ${assets} assets of an orphan go`,
      mongodb: 'no project',
      firestore: `${answer.status}, ${left} left`,
      passed: answer.ok && left === 0,
    };
  },
};

const requestedReconciliation: Check = {
  what: 'reconcileOnRequest',
  async run(world) {
    const reason = `smoke-${new ObjectId().toHexString()}`;
    const jobs = () => world.firestore.collection('syncJobs').where('reason', '==', reason).get();
    const statuses = async () => (await jobs()).docs.map((job) => String(job.get('status')));
    await world.requests.publish({ data: Buffer.from(JSON.stringify({ mode: 'report', reason })), attributes: {} });
    await world.observer.until('the reconciliation to end', async () => {
      const [status] = await statuses();
      return status !== undefined && status !== 'running';
    });
    const [status] = await statuses();
    return {
      what: 'reconcileOnRequest, by a message',
      expected: 'done',
      mongodb: '',
      firestore: String(status),
      passed: status === 'done',
    };
  },
};

export const checks: readonly Check[] = [
  served,
  firstReconciliation,
  create,
  rename,
  remove,
  deadLetter,
  scheduledReconciliation,
  requestedReconciliation,
];
