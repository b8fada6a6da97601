import { ObjectId } from 'mongodb';
import { z } from 'zod';
import * as bundle from '../../src/index.ts';
import { type AssetCounts, assetCount, assetsOfProject } from '../demo/seedData.ts';
import type { Row } from '../demo/table.ts';
import type { World } from '../demo/world.ts';
import { writeAll } from '../demo/writeAll.ts';
import { localPassword } from '../servers/auth/accounts.ts';
import type { EmulatedFunction } from './emulators.ts';

const counts: AssetCounts = { storyboards: 1, panels: 2, analyses: 1, media: 2, prototypes: 1, scenes: 1 };
const assets = assetCount(counts);
const copies = counts.storyboards + counts.media + counts.prototypes;
/** Without groups: further shards are left out as RELAY_SHARDS says, and no document triggers a function where
 *  Firestore is ours. */
const functionNames = Object.entries(bundle)
  .filter(([, exported]) => '__endpoint' in exported)
  .map(([name]) => name)
  .sort();

/** What a check found: the rest of its row in the table. */
export type Finding = Pick<Row, 'firestore' | 'passed'> & Partial<Pick<Row, 'mongodb' | 'latencyMs'>>;

/** What the emulators serve. */
export interface Served {
  readonly functions: readonly EmulatedFunction[];
  readonly pageUrl: string;
}

/** One thing that is looked at, in the order given. */
export interface Check {
  readonly what: string;
  readonly expected: string;
  /** @throws Error when what it waits for does not happen */
  run(world: World, served: Served): Promise<Finding>;
}

const served: Check = {
  what: 'functions that the emulator serves',
  expected: `all ${functionNames.length}`,
  async run(_world, { functions }) {
    const names = functions.map(({ name }) => name).sort();
    const passed = names.join() === functionNames.join();
    return { firestore: passed ? `${names.length}` : names.join(', '), passed };
  },
};

/** Also because two reconciliations never run at once: those below would find this one at work. */
const firstReconciliation: Check = {
  what: 'reconciliation at the first start of the relay',
  expected: 'done',
  run: (world) => reconciliationOf(world, 'first-start'),
};

const create: Check = {
  what: 'create',
  expected: `event applied, ${assets} assets stay`,
  async run(world) {
    const project = await world.createProject(counts);
    const found = await world.observer.count(project.projectId);
    const mongodb = `name ${JSON.stringify(project.name)}`;
    return { mongodb, firestore: `${found} assets`, passed: found === assets };
  },
};

const rename: Check = {
  what: 'rename',
  expected: `${copies} copies follow`,
  async run(world) {
    const project = await world.createProject(counts);
    const name = 'Renamed through the emulator';
    const { latencyMs } = await world.measure(
      () => world.projects.updateOne({ _id: project.id }, { $set: { name } }),
      'every copy to show the new name',
      async () => (await world.observer.countNamed(project.projectId, name)) === copies,
    );
    return { mongodb: `name ${JSON.stringify(name)}`, firestore: `${copies} copies show it`, latencyMs, passed: true };
  },
};

const remove: Check = {
  what: 'delete',
  expected: `${assets} assets go, the neighbour's ${assets} stay`,
  async run(world) {
    const project = await world.createProject(counts);
    const neighbour = await world.createProject(counts);
    const { latencyMs } = await world.measure(
      () => world.projects.deleteOne({ _id: project.id }),
      'every asset to be gone',
      async () => (await world.observer.count(project.projectId)) === 0,
    );
    const kept = await world.observer.count(neighbour.projectId);
    return { mongodb: 'no project', firestore: `0 left, neighbour has ${kept}`, latencyMs, passed: kept === assets };
  },
};

const deadLetter: Check = {
  what: 'message that cannot be read',
  expected: 'kept as a dead letter',
  async run(world) {
    const data = `not JSON ${new ObjectId().toHexString()}`;
    // What they say is not indexed.
    const dead = world.firestore.collection('syncFailures').where('status', '==', 'dead');
    const isKept = async () => (await dead.get()).docs.some((failure) => failure.get('preview') === data);
    await world.events.publish({ data: Buffer.from(data), attributes: {} });
    await world.observer.until('the dead letter to be kept', isKept);
    return { firestore: '1 in syncFailures', passed: true };
  },
};

const scheduledReconciliation: Check = {
  what: 'reconcileAssets, called as by its schedule',
  expected: `200, the ${assets} assets of an orphan go`,
  async run(world, { functions }) {
    const orphan = new ObjectId().toHexString();
    await writeAll(world.firestore, assetsOfProject(orphan, { name: 'A project that never was' }, counts));
    const url = functions.find(({ name }) => name === 'reconcileAssets')?.url ?? '';
    const answer = await fetch(url, { method: 'POST' });
    await world.observer.until('the orphan to go', async () => (await world.observer.count(orphan)) === 0);
    return { mongodb: 'no project', firestore: `${answer.status}, 0 left`, passed: answer.ok };
  },
};

const requestedReconciliation: Check = {
  what: 'reconcileOnRequest, by a message',
  expected: 'done',
  async run(world) {
    const reason = `smoke-${new ObjectId().toHexString()}`;
    await world.requests.publish({ data: Buffer.from(JSON.stringify({ mode: 'report', reason })), attributes: {} });
    return reconciliationOf(world, reason);
  },
};

async function reconciliationOf(world: World, reason: string): Promise<Finding> {
  const jobs = world.firestore.collection('syncJobs').where('reason', '==', reason);
  let status = 'running';
  await world.observer.until('the reconciliation to end', async () => {
    status = String((await jobs.get()).docs[0]?.get('status') ?? 'running');
    return status !== 'running';
  });
  return { firestore: status, passed: status === 'done' };
}

/** Hosting's rewrite, the function, the Auth emulator's unsigned token and its custom claim. */
const page: Check = {
  what: 'the page and its API, behind Hosting and Auth',
  expected: '200 for an operator, 401 without a token',
  async run(_world, { pageUrl }) {
    const html = await fetch(pageUrl);
    const settings = await (await fetch(`${pageUrl}/__/firebase/init.js?useEmulator=true`)).text();
    const auth = /"hostAndPort":\s*"([^"]+)"/.exec(settings)?.[1] ?? '';
    const signedIn = await fetch(
      `http://${auth}/identitytoolkit.googleapis.com/v1/accounts:signInWithPassword?key=any`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: 'operator@example.com', password: localPassword, returnSecureToken: true }),
      },
    );
    const { idToken } = z.looseObject({ idToken: z.string() }).parse(await signedIn.json());
    const ask = (headers: Record<string, string>) => fetch(`${pageUrl}/api/session`, { headers });
    const session = await ask({ authorization: `Bearer ${idToken}` });
    const text = await session.text();
    const nobody = await ask({});
    const passed = html.ok && session.ok && text.includes('"role":"operator"') && nobody.status === 401;
    return { firestore: `${html.status}, ${session.status} ${text}, ${nobody.status}`, passed };
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
  page,
];
