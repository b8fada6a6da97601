import type { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { writeAll } from '../../local/demo/writeAll.ts';
import { costOf } from '../../src/config/prices.ts';
import type { BenchTable, Figure } from '../benchmark.ts';
import type { Work } from '../contenders/contender.ts';
import { type FirestoreProcess, type Spent, spentBetween } from '../processes/firestoreProcess.ts';
import type { InstanceProcess } from '../processes/instanceProcess.ts';
import { seededName } from '../seedAssets.ts';

/** What happens all day: a rename, or a deletion, of a project with one asset in each of five collections. */
export interface SmallEvent extends Spent {
  readonly kind: Work['kind'];
  readonly events: number;
}

/** Does so many of each, one after the other.
 *  @throws Error when a deletion left an asset, or a copy of a name has not followed. */
export async function measureSmallEvents(
  {
    server,
    firestore,
    instance,
  }: Readonly<{ server: FirestoreProcess; firestore: Firestore; instance: InstanceProcess }>,
  events: number,
): Promise<readonly SmallEvent[]> {
  const measured: SmallEvent[] = [];
  for (const kind of ['rename', 'delete'] as const) {
    const projectIds = Array.from({ length: events }, () => new ObjectId().toHexString());
    await writeAll(firestore, projectIds.flatMap(assetsOf));
    const before = await server.usage();
    await instance.run(
      projectIds.map((projectId) => ({ arrivesMs: 0, work: workOf(kind, projectId) })),
      1,
    );
    const spent = spentBetween(before, await server.usage());
    for (const projectId of projectIds) await expectDone(firestore, kind, projectId);
    measured.push({ kind, events, ...spent });
  }
  return measured;
}

const newName = 'Renamed with all its copies';

function workOf(kind: Work['kind'], projectId: string): Work {
  return kind === 'delete' ? { kind, projectId } : { kind, projectId, name: newName };
}

/** One asset in each collection of the configuration of these benchmarks. */
function assetsOf(projectId: string): readonly (readonly [path: string, data: Record<string, unknown>])[] {
  const asset = { projectId, projectName: seededName };
  return [
    [`storyboards/${projectId}`, asset],
    [`aiAnalyses/${projectId}`, { projectId }],
    [`generatedMedia/${projectId}`, asset],
    [`prototypes/${projectId}`, { meta: asset }],
    [`scripts/${projectId}/scenes/one`, { projectId }],
  ];
}

async function expectDone(firestore: Firestore, kind: Work['kind'], projectId: string): Promise<void> {
  for (const [path] of assetsOf(projectId)) {
    const asset = await firestore.doc(path).get();
    if (kind === 'delete' ? asset.exists : !asset.exists) throw new Error(`after a ${kind}: ${path} is wrong`);
    const shown: unknown = asset.get('projectName') ?? asset.get('meta.projectName') ?? newName;
    if (kind === 'rename' && shown !== newName) throw new Error(`${path} shows the name ${String(shown)}`);
  }
}

/** What each event costs, and a million of them. */
export function smallEventsTable(measured: readonly SmallEvent[]): BenchTable {
  return {
    title: 'One project with one asset in each of five collections, three of them with a copy',
    headings: ['event', 'reads', 'writes', 'deletes', 'RPCs', '$ for a million'],
    rows: measured.map((event) => [
      event.kind,
      ...([event.reads, event.writes, event.deletes, event.calls] as const).map((count) =>
        (count / event.events).toFixed(2),
      ),
      (costOf(event) * (1_000_000 / event.events)).toFixed(2),
    ]),
  };
}

export function smallEventsFigures(measured: readonly SmallEvent[]): readonly Figure[] {
  return measured.flatMap((event) =>
    (
      [
        ['reads', event.reads],
        ['writes', event.writes],
        ['RPCs', event.calls],
      ] as const
    ).map(
      ([unit, count]): Figure => ({
        name: `small ${event.kind} in five collections: ${unit}`,
        unit,
        better: 'lower',
        kind: 'counted',
        samples: [count / event.events],
      }),
    ),
  );
}
