import { randomUUID } from 'node:crypto';
import type { Firestore } from 'firebase-admin/firestore';
import { systemClock } from '../../src/clock.ts';
import { type Config, defineConfig } from '../../src/config/defineConfig.ts';
import type { ClusterTime } from '../../src/events/version.ts';
import type { Publisher } from '../../src/publisher.ts';
import { openStream } from '../../src/relay/changeStream/open.ts';
import { defaultRelayLimits } from '../../src/relay/limits.ts';
import { runRelay } from '../../src/relay/relay.ts';
import { emptyRelayRecord, relayRecordData, relayRecordRef } from '../../src/relay/relayRecord.ts';
import type { ProjectsSource } from '../../src/source/connect.ts';
import { loudLog } from './loudLog.ts';

/** What is relayed: projects with one copied field. */
export const relayConfig: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: [{ path: 'generatedMedia', projectId: 'projectId', copies: { name: 'projectName' } }],
});

/** What a way works with. */
export interface RelayContext {
  readonly source: ProjectsSource;
  readonly firestore: Firestore;
  readonly events: Publisher;
}

/** One way of bringing changes from MongoDB to Pub/Sub. Resolves when `changes` of them, from a time on, have been
 *  taken by Pub/Sub; the function that it returns then ends it. */
export type RelayWay = (context: RelayContext, from: ClusterTime, changes: number) => Promise<() => Promise<void>>;

/** Lockstep's relay, with its lease, checkpoints and bounded memory. */
const ours: RelayWay = async ({ source, firestore, events }, from, changes) => {
  const ref = relayRecordRef(firestore, relayConfig.source);
  const checkpoint = { token: null, startAt: from, last: null, source: null };
  await ref.set(relayRecordData({ ...emptyRelayRecord, checkpoint }));
  const controller = new AbortController();
  let published = 0;
  let onDone = () => {};
  const done = new Promise<void>((resolve) => {
    onDone = resolve;
  });
  const counted: Publisher = {
    async publish(message) {
      await events.publish(message);
      published += 1;
      if (published === changes) onDone();
    },
    flush: events.flush,
  };
  const refused: Publisher = {
    publish: async ({ attributes }) => console.error('a message that no change of these should become', attributes),
    flush: async () => {},
  };
  const run = runRelay({
    source,
    firestore,
    config: relayConfig,
    publishers: { events: counted, deadLetters: refused, reconciliationRequests: refused },
    clock: systemClock,
    random: Math.random,
    log: loudLog,
    limits: defaultRelayLimits,
    holder: randomUUID(),
    signal: controller.signal,
  });
  const ended = await Promise.race([done, run]);
  if (ended) throw new Error(`the relay ended (${ended.kind}) after ${published} of ${changes} events`);
  return async () => {
    controller.abort();
    await run;
    if (published !== changes) throw new Error(`the relay published ${published} of ${changes} events`);
  };
};

/** The least that can be written: nothing is remembered, nothing is bounded, and nothing looked at. The stream is the
 *  same, and its messages carry the same attributes as events do, so that MongoDB and the client libraries have the
 *  same work with them. */
const bare: RelayWay = async ({ source, events }, from, changes) => {
  const stream = openStream(source, relayConfig.source, { token: null, startAt: from }, defaultRelayLimits);
  const published: Promise<void>[] = [];
  for await (const change of stream) {
    const attributes = {
      type: String(change.operationType),
      projectId: String(change.documentKey._id),
      version: String(change.clusterTime),
      specversion: '1',
    };
    published.push(events.publish({ data: Buffer.from(JSON.stringify(change)), attributes }));
    if (published.length === changes) break;
  }
  await Promise.all(published);
  return () => stream.close();
};

export const relayWays = { ours, bare } as const satisfies Readonly<Record<string, RelayWay>>;

export type RelayWayName = keyof typeof relayWays;

export function isRelayWay(name: string): name is RelayWayName {
  return Object.hasOwn(relayWays, name);
}
