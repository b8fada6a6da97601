import { z } from 'zod';
import { secondMs } from '../clock.ts';
import type { ClusterTime } from '../events/version.ts';
import config from '../lockstep.config.ts';
import { rewind as operation } from '../operations/rewind.ts';
import { readOperationTime } from '../relay/changeStream/open.ts';
import { defaultRelayLimits } from '../relay/limits.ts';
import { clusterTimeAt } from '../relay/place.ts';
import { oldestPlace, oplogReaches } from '../relay/rewind.ts';
import { UsageError } from './command.ts';
import { decideAndSay } from './decisions/decideAndSay.ts';
import type { DecisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { openFirestore, openMongodb } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface RewindSettings extends DecisionOptions {
  readonly mongodbUri: string;
  readonly projectId: string;
  /** In ms since 1970. */
  readonly rewindTo: number;
}

/** A time as people write it, with its zone.
 *  @throws UsageError */
export function timeFrom(text: string): number {
  const parsed = z.iso.datetime({ offset: true }).safeParse(text);
  if (!parsed.success) throw new UsageError(`--to: expected a time such as 2026-11-27T12:00:00Z, received "${text}"`);
  return Date.parse(parsed.data);
}

/** Asks the relay to go back, after a look whether MongoDB still has the changes since then.
 *  @throws Error when it has not; what `decide` throws. */
export async function askForRewind(settings: RewindSettings, terminal: Terminal): Promise<number> {
  const { rewindTo: to } = settings;
  const [source, firestore] = await Promise.all([
    openMongodb(terminal, settings.mongodbUri),
    openFirestore(terminal, settings.projectId),
  ]);
  const reaches = (at: ClusterTime) =>
    oplogReaches(source, config.source, at, { clock: terminal.clock, limits: defaultRelayLimits });
  if (!(await reaches(clusterTimeAt(to)))) {
    const { seconds } = await readOperationTime(source.client, defaultRelayLimits.commandMs);
    const oldest = await oldestPlace(reaches, to, seconds * secondMs);
    const possible =
      oldest === null ? 'it reaches nowhere' : `the oldest possible time is ${new Date(oldest).toISOString()}`;
    throw new Error(`MongoDB's oplog does not reach back to ${new Date(to).toISOString()}; ${possible}`);
  }
  return decideAndSay(
    operationServices(terminal, firestore),
    { ...settings, operation, input: { to }, question: () => 'Let the relay go back?' },
    terminal,
  );
}
