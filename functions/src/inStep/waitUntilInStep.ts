import type { Firestore } from 'firebase-admin/firestore';
import { type Clock, secondMs, sleep, systemClock } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import { partsOf, type Version } from '../events/version.ts';
import { parseProjectRecord, projectRecordRef } from '../records/projectRecord.ts';
import { placeTime } from '../relay/place.ts';
import { parseRelayRecord, type RelayRecord, relayRecordRef } from '../relay/relayRecord.ts';
import { type AtLeast, firstVersionAt } from './clusterTime.ts';
import { type Expected, type Judgement, judge } from './judge.ts';

/** What the wait for a project came to. */
export type InStep =
  | Exclude<Judgement, { readonly kind: 'not-yet' }>
  /** `relay`: the relay has not come so far. `delivery`: it has, and the record of the project says nothing of it: its
   *  message is on its way, or it changed nothing that assets repeat. `assets`: the work on them is not over. */
  | { readonly kind: 'timed-out'; readonly waitingFor: 'relay' | 'delivery' | 'assets' };

export interface WaitOptions {
  /** The operation time of your write (`session.operationTime`), or a version. */
  readonly atLeast: AtLeast;
  /** How long to wait, in ms; 0: only look. */
  readonly timeoutMs: number;
  /** Configured fields of the project that you wrote; only they count. Default: all that assets repeat, and without
   *  MongoDB any change of that time stands for all of that time. For a deletion, give none. */
  readonly fields?: readonly string[] | undefined;
}

/** What MongoDB holds of a project, as of a version. */
export type AskMongo = (projectId: string) => Promise<Omit<Extract<Expected, { readonly kind: 'state' }>, 'kind'>>;

export interface InStepDependencies {
  readonly firestore: Firestore;
  readonly config: Config;
  /** Asks MongoDB what it holds. Without it only the records can say something. */
  readonly askMongo?: AskMongo | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** The first pause between two looks, the longest, and how much longer each is than the one before: a rename is shown
 *  within some hundred ms, and 20 s of waiting cost 20 reads. */
const pauses = { firstMs: 100, longestMs: 1_500, growth: 1.5 };

/** Reads the wait costs at most, for so long a timeout. */
export function mostReads(timeoutMs: number): number {
  // The look before any pause, and with shards two records of relays.
  let reads = 3;
  for (let [at, pause] = [0, pauses.firstMs]; at < timeoutMs; pause = longer(pause)) {
    reads += 1;
    at += pause;
  }
  return reads;
}

/** Waits until the assets of a project show what MongoDB held at a time: read-your-writes across the two databases.
 *
 *  Looks by reading, not by listening: a listener that falls silent says nothing about it. Costs one read a look
 *  (`mostReads`), and one question to MongoDB.
 *  @throws RangeError for what is no time, no timeout or no configured field; ProjectRecordError; what Firestore or
 *  MongoDB answered. */
export async function waitUntilInStep(
  { firestore, config, askMongo, clock = systemClock }: InStepDependencies,
  projectId: string,
  { atLeast, timeoutMs, fields: written }: WaitOptions,
): Promise<InStep> {
  const version = firstVersionAt(atLeast);
  const fields = written ?? copiedFields(config);
  const unknown = fields.find((field) => !config.source.fields.includes(field));
  if (unknown !== undefined) throw new RangeError(`"${unknown}" is not in source.fields`);
  // Without a number there would be no end, and no pause between two looks.
  if (!(timeoutMs >= 0)) throw new RangeError(`timeoutMs: expected a number of at least 0, received ${timeoutMs}`);
  const deadline = clock.now() + timeoutMs;
  let expected: Expected = { kind: 'change', version, written };
  for (let pause = pauses.firstMs; ; pause = longer(pause)) {
    if (askMongo !== undefined && expected.kind === 'change') {
      expected = (await stateSince(askMongo, projectId, version)) ?? expected;
    }
    const snapshot = await projectRecordRef(firestore, projectId).get();
    const judgement = judge(parseProjectRecord(projectId, snapshot.data()), expected, fields);
    if (judgement.kind !== 'not-yet') return judgement;
    const left = deadline - clock.now();
    if (left <= 0) return { kind: 'timed-out', waitingFor: await missing(judgement.missing) };
    await sleep(clock, Math.min(pause, left));
  }

  async function missing(what: 'assets' | 'record'): Promise<'relay' | 'delivery' | 'assets'> {
    if (what === 'assets') return 'assets';
    const place = placeTime(await relayRecordOf(firestore, config.source, projectId));
    return place !== null && place >= partsOf(version).seconds * secondMs ? 'delivery' : 'relay';
  }
}

/** The record of the relay that publishes the changes of a project: with shards, of its shard. */
async function relayRecordOf(firestore: Firestore, source: Config['source'], projectId: string): Promise<RelayRecord> {
  const read = async (shard: number) => {
    const ref = relayRecordRef(firestore, source, shard);
    return parseRelayRecord(ref.path, (await ref.get()).data());
  };
  const first = await read(1);
  if (first.shards === 1) return first;
  const { shardOf } = await import('../relay/shards/shard.ts');
  const shard = shardOf(projectId, first.shards);
  return shard === 1 ? first : read(shard);
}

/** What MongoDB holds; undefined where it has not come to that time: a primary that was elected just now may not
 *  have. */
async function stateSince(ask: AskMongo, projectId: string, version: Version): Promise<Expected | undefined> {
  const state = await ask(projectId);
  return state.version < version ? undefined : { kind: 'state', ...state };
}

/** The fields that some asset repeats. */
function copiedFields({ collections }: Config): readonly string[] {
  return [...new Set(collections.flatMap(({ copies }) => Object.keys(copies)))];
}

function longer(pause: number): number {
  return Math.min(pauses.longestMs, pause * pauses.growth);
}

/** The longest wait of a request, in ms: an instance serves others meanwhile, and ends after a minute. */
export const longestWaitMs = 20 * secondMs;

/** How long a request waits that does not say, in ms. */
export const defaultWaitMs = 5 * secondMs;
