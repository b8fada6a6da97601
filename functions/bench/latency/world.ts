import { join } from 'node:path';
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { memoryOfProcesses } from '../../local/demo/memory.ts';
import type { Operations, Usage } from '../../local/servers/firestore/meter.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { recordCollections } from '../../src/config/defineConfig.ts';
import { projectRecordRef } from '../../src/records/projectRecord.ts';
import { assetCollection } from '../contenders/contender.ts';
import type { DeletionWayName } from '../contenders/deletionWays.ts';
import { machineMs } from '../processes/machineClock.ts';
import { type OwnerProcess, type Renames, startOwnerProcess } from '../processes/ownerProcess.ts';
import { benchProjectId, type ServicesProcess, startServicesProcess } from '../processes/servicesProcess.ts';
import { seedAssets } from '../seedAssets.ts';
import { watchAssets } from '../watchAssets.ts';

/** Functions that are on the way of a deletion, or tell why one did not arrive. */
const functionsOnTheWay = ['relayProjectChanges', 'syncProject', 'syncDeletions', 'recordDeadLetter'];

/** The hold counts the deletions before each, as in production, and holds none. */
const holdMaxSharePercent = 100;

/** Longer than anything here takes, in ms, also a backlog on a machine that has other work: what has not happened by
 *  then does not happen. */
const timeoutMs = 180_000;

/** Pause between two looks at records, outside of what is measured, in ms. */
const lookEveryMs = 5;

/** One deletion of a project. */
export interface Deletion {
  /** From MongoDB's acknowledgement to the last asset gone, in ms. */
  readonly ms: number;
  /** From the same moment until no message was left, those before it included, in ms. */
  readonly settledMs: number;
  /** What Firestore billed until nothing was left to do, without the relay's checkpoint and the observer. */
  readonly billed: Operations;
}

/** The services, the functions, and for each way a service that deletes projects. */
export interface LatencyWorld {
  /** Creates a project with assets, deletes it, and waits until nothing is left to do.
   *  @throws Error when assets are left */
  deleteProject(way: DeletionWayName, assets: number): Promise<Deletion>;
  /** The same by ours, right behind a rename of every other project.
   *  @throws Error when assets are left, or a copy of the name has not followed */
  deleteBehindRenames(assets: number): Promise<Deletion>;
  /** The largest memory so far, in bytes: of all functions together as seen after a deletion, and of the service that
   *  does it itself. */
  memory(): Promise<{ readonly functions: number; readonly processes: number; readonly itself: number }>;
  close(): Promise<void>;
}

/** Starts everything, with the compiled functions.
 *  @param others projects with one asset each, which live on
 *  @param onError called with what functions log as an error */
export async function startLatencyWorld(others: number, onError: (text: string) => void): Promise<LatencyWorld> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  function keep<T extends { close(): Promise<void> }>(one: T): T {
    opened.push(one);
    return one;
  }
  try {
    const services = keep(await startServicesProcess());
    const firestore = new Firestore({ projectId: benchProjectId, host: services.firestoreHost, ssl: false });
    keep({ close: () => firestore.terminate() });
    const owners = {
      ours: keep(startOwnerProcess('ours', services)),
      itself: keep(startOwnerProcess('itself', services)),
    } satisfies Record<DeletionWayName, OwnerProcess>;
    // Before the relay's first start, from which on it tells of changes: they have been there for ever.
    const otherIds = newIds(others);
    await owners.ours.create(otherIds);
    for (const projectId of otherIds) await seedAssets(firestore, assetCollection, projectId, 1);
    const stack = keep(await startFunctions(services, onError));
    await until('the relay to tail the change stream', async () => {
      return (await firestore.collection(recordCollections.relay).get()).size > 0;
    });
    return createWorld({ services, firestore, owners, otherIds, stack, close });
  } catch (error) {
    await close();
    throw error;
  }
}

function startFunctions(services: ServicesProcess, onError: (text: string) => void): Promise<Stack> {
  return startStack({
    variables: {
      MONGODB_URI: services.mongodbUri,
      FIRESTORE_EMULATOR_HOST: services.firestoreHost,
      PUBSUB_EMULATOR_HOST: services.pubsubHost,
    },
    projectId: benchProjectId,
    bundle: join(import.meta.dirname, 'functions.mjs'),
    ports: { functions: 0 },
    only: functionsOnTheWay,
    env: { HOLD_MAX_SHARE_PERCENT: String(holdMaxSharePercent) },
    onLog: ({ severity, function: name, message, error }) => {
      if (severity === 'ERROR') onError(`${name}: ${message}${error === undefined ? '' : ` (${String(error)})`}`);
    },
  });
}

function createWorld(parts: {
  readonly services: ServicesProcess;
  readonly firestore: Firestore;
  readonly owners: Readonly<Record<DeletionWayName, OwnerProcess>>;
  readonly otherIds: readonly string[];
  readonly stack: Stack;
  readonly close: () => Promise<void>;
}): LatencyWorld {
  const { services, firestore, owners, otherIds, stack, close } = parts;
  let functions = { bytes: 0, processes: 0 };
  let names = 0;

  async function create(way: DeletionWayName, assets: number): Promise<string> {
    const projectId = new ObjectId().toHexString();
    await owners[way].create([projectId]);
    // Its creation would have to scan all assets, if they were there already.
    if (way === 'ours') await untilApplied(firestore, projectId);
    await seedAssets(firestore, assetCollection, projectId, assets);
    await services.idle();
    return projectId;
  }

  async function noteMemory(): Promise<void> {
    const { totalMiB, serversMiB, processes } = await memoryOfProcesses(stack);
    const bytes = (totalMiB - serversMiB) * bytesPerMebibyte;
    if (bytes > functions.bytes) functions = { bytes, processes: processes - 1 };
  }

  async function measured(way: DeletionWayName, assets: number, renameFirst: Renames | null): Promise<Deletion> {
    const projectId = await create(way, assets);
    const watch = await watchAssets(firestore, projectId, timeoutMs);
    try {
      const before = await services.usage();
      const readsBefore = watch.reads();
      const [{ acknowledgedAt }, goneAt] = await Promise.all([
        owners[way].delete({ projectId, renameFirst }),
        watch.gone,
      ]);
      await services.idle();
      const settledMs = machineMs() - acknowledgedAt;
      const billed = billedBetween(before, await services.usage(), watch.reads() - readsBefore);
      await noteMemory();
      await expectAssets(firestore, 'projectId', projectId, 0);
      return { ms: goneAt - acknowledgedAt, settledMs, billed };
    } finally {
      watch.stop();
    }
  }

  return {
    deleteProject: (way, assets) => measured(way, assets, null),
    async deleteBehindRenames(assets) {
      names += 1;
      const name = `Title number ${names}`;
      const deletion = await measured('ours', assets, { projectIds: [...otherIds], name });
      await expectAssets(firestore, 'projectName', name, otherIds.length);
      return deletion;
    },
    memory: async () => ({
      functions: functions.bytes,
      processes: functions.processes,
      itself: await owners.itself.peakRss(),
    }),
    close,
  };
}

const bytesPerMebibyte = 1_024 * 1_024;

const newIds = (count: number) => Array.from({ length: count }, () => new ObjectId().toHexString());

/** Resolves when the creation of a project has been applied. */
async function untilApplied(firestore: Firestore, projectId: string): Promise<void> {
  await until('a creation to be applied', async () => {
    const record = await projectRecordRef(firestore, projectId).get();
    return record.exists && record.get('appliedRevision') === record.get('revision');
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function expectAssets(firestore: Firestore, field: string, value: string, expected: number): Promise<void> {
  const { count } = (await firestore.collection(assetCollection).where(field, '==', value).count().get()).data();
  if (count !== expected) throw new Error(`${count} assets have ${field} "${value}" where ${expected} were expected`);
}

/** The relay's checkpoint is written for all changes of a second together, whatever they are: it is no cost of one
 *  deletion. */
function billedBetween(before: Usage, after: Usage, observed: number): Operations {
  const spent = (what: keyof Operations) => {
    const relay = (usage: Usage) => usage.collections[recordCollections.relay]?.[what] ?? 0;
    return after[what] - relay(after) - (before[what] - relay(before));
  };
  return { reads: spent('reads') - observed, writes: spent('writes'), deletes: spent('deletes') };
}
