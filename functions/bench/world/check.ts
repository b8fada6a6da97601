import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { assetCollection, type Work } from '../contenders/contender.ts';
import { type FirestoreProcess, spentBetween, startFirestoreProcess } from '../processes/firestoreProcess.ts';
import { type InstanceProcess, startInstanceProcess } from '../processes/instanceProcess.ts';
import { benchProjectId } from '../processes/servicesProcess.ts';
import { seedAssets } from '../seedAssets.ts';
import { type Deployment, deployedSettings } from './deployment.ts';
import { publishedLimits } from './limits.ts';
import { type Change, changesOf, type WorldSize } from './scenario.ts';
import { seededRandom } from './seededRandom.ts';
import { simulate } from './simulate.ts';

/** How much is played on this machine. */
export interface CheckSize {
  readonly world: WorldSize;
  /** Assets of the projects that show what one asset takes. */
  readonly calibrationAssets: number;
  /** Projects that show what one event takes. */
  readonly calibrationEvents: number;
}

/** The same changes, as the model has them and as they were. */
export interface Checked {
  readonly scenario: 'mass deletion' | 'outage';
  readonly changes: number;
  readonly assets: number;
  readonly model: CheckedFigures;
  readonly machine: CheckedFigures;
}

export interface CheckedFigures {
  readonly seconds: number;
  /** Of the instance. */
  readonly cpuSeconds: number;
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

const { roundTripMs, concurrency } = deployedSettings;

interface Machine {
  readonly server: FirestoreProcess;
  readonly firestore: Firestore;
  readonly instance: InstanceProcess;
}

/** Lets one instance on this machine do what a scenario begins with, and the model of that instance, too. The model
 *  gets what the machine takes for one event and one asset, and has to say what many at once come to.
 *  @throws Error when assets are left, or a copy of a name has not followed. */
export async function checkModel(
  { world, calibrationAssets, calibrationEvents }: CheckSize,
  seed: number,
  onProgress: (text: string) => void,
): Promise<readonly Checked[]> {
  const server = await startFirestoreProcess();
  const firestore = new Firestore({ projectId: benchProjectId, host: server.host, ssl: false });
  const instance = startInstanceProcess(server.host);
  const machine: Machine = { server, firestore, instance };
  try {
    await server.roundTrip(roundTripMs);
    const deployment = await calibrated(machine, calibrationAssets, calibrationEvents);
    onProgress(`one event and one asset take: ${JSON.stringify(deployment.measured)}`);
    const checked: Checked[] = [];
    for (const scenario of ['mass deletion', 'outage'] as const) {
      const changes = changesOf(scenario, world, seed).filter(({ atMs }) => atMs === 0);
      const assets = changes.reduce((sum, change) => sum + change.assets, 0);
      const { billed, endedAtMs, cpuMs } = simulate(changes, deployment, seededRandom(seed));
      const model = { seconds: endedAtMs / 1_000, cpuSeconds: cpuMs / 1_000, ...billed };
      const run = await play(machine, changes, concurrency);
      checked.push({
        scenario,
        changes: changes.length,
        assets,
        model,
        machine: { ...run, seconds: run.ms / 1_000, cpuSeconds: run.cpuMs / 1_000 },
      });
      onProgress(`${scenario}: ${changes.length} changes, ${assets} assets`);
    }
    return checked;
  } finally {
    await instance.close();
    await firestore.terminate();
    await server.close();
  }
}

/** What one event and one asset take on this machine. */
async function calibrated(machine: Machine, assets: number, events: number): Promise<Deployment> {
  const many = (kind: Change['kind'], count: number, each: number) =>
    Array.from({ length: count }, (): Change => ({ atMs: 0, kind, assets: each }));
  // Not counted: code is compiled, and connections are opened.
  for (const kind of ['rename', 'deletion'] as const) await play(machine, many(kind, events, 10), concurrency);
  const small = await play(machine, many('rename', events, 1), concurrency);
  const renamed = await play(machine, many('rename', 1, assets), 1);
  const deleted = await play(machine, many('deletion', 1, assets), 1);
  const perEvent = { cpu: small.cpuMs / events, server: small.serverCpuMs / events };
  const perAsset = (taken: number, forEvent: number) => Math.max(0, taken - forEvent) / assets;
  return {
    ...deployedSettings,
    limits: {
      ...publishedLimits,
      rampStartPerSecond: unlimited,
      writesPerSecond: unlimited,
      sequentialWritesPerSecond: unlimited,
    },
    instances: 1,
    pushMs: 0,
    measured: {
      relayEventsPerSecond: unlimited,
      roundTripsPerEvent: callsInARow,
      cpuMsPerEvent: perEvent.cpu,
      cpuMsPerRenamedAsset: perAsset(renamed.cpuMs, perEvent.cpu),
      cpuMsPerDeletedAsset: perAsset(deleted.cpuMs, perEvent.cpu),
      readsPerEvent: small.reads / events,
      writesPerEvent: small.writes / events,
    },
    databaseCpuMs: {
      perEvent: perEvent.server,
      perAsset: perAsset((renamed.serverCpuMs + deleted.serverCpuMs) / 2, perEvent.server),
    },
  };
}

/** A local Firestore has none of these limits. */
const unlimited = 1e12;

/** Calls of an event that follow each other: record, queries, commit. */
const callsInARow = 3;

interface Played {
  readonly ms: number;
  readonly cpuMs: number;
  readonly serverCpuMs: number;
  readonly reads: number;
  readonly writes: number;
  readonly deletes: number;
}

let names = 0;

/** Seeds a project for each change, lets the instance do all of them, and looks at the end. */
async function play(
  { server, firestore, instance }: Machine,
  changes: readonly Change[],
  atOnce: number,
): Promise<Played> {
  names += 1;
  const name = `Title number ${names}`;
  await server.roundTrip(0);
  const works: Work[] = [];
  for (const { kind, assets } of changes) {
    const projectId = new ObjectId().toHexString();
    await seedAssets(firestore, assetCollection, projectId, assets);
    works.push(kind === 'deletion' ? { kind: 'delete', projectId } : { kind: 'rename', projectId, name });
  }
  await server.roundTrip(roundTripMs);
  const [before, cpuBefore] = [await server.usage(), await server.cpuMs()];
  const { ms, cpuMs } = await instance.run(
    works.map((work) => ({ arrivesMs: 0, work })),
    atOnce,
  );
  const serverCpuMs = (await server.cpuMs()) - cpuBefore;
  const { reads, writes, deletes } = spentBetween(before, await server.usage());
  await expectDone(firestore, changes, works, name);
  return { ms, cpuMs, serverCpuMs, reads, writes, deletes };
}

async function expectDone(
  firestore: Firestore,
  changes: readonly Change[],
  works: readonly Work[],
  name: string,
): Promise<void> {
  const assets = firestore.collection(assetCollection);
  const renamed = changes.filter(({ kind }) => kind === 'rename').reduce((sum, change) => sum + change.assets, 0);
  const { count } = (await assets.where('projectName', '==', name).count().get()).data();
  if (count !== renamed) throw new Error(`${count} copies of a name have followed where ${renamed} were expected`);
  for (const { kind, projectId } of works) {
    if (kind !== 'delete') continue;
    const { size } = await assets.where('projectId', '==', projectId).limit(1).select().get();
    if (size > 0) throw new Error(`assets of the deleted project ${projectId} are left`);
  }
}

/** So far may the operations of the model be from those that were billed, as a share. The time is not judged: it is
 *  that of a machine with other work. */
export const billedTolerance = 0.1;

/** The operations that the model has wrong; each a sentence. Pure. */
export function wrongOperations(checked: readonly Checked[]): readonly string[] {
  return checked.flatMap(({ scenario, model, machine }) =>
    (['reads', 'writes', 'deletes'] as const)
      .filter((what) => Math.abs(model[what] - machine[what]) > billedTolerance * machine[what])
      .map((what) => `${scenario}: ${Math.round(model[what])} ${what} in the model, ${machine[what]} were billed`),
  );
}
