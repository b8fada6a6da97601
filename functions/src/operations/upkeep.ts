import { anchorAudit } from '../audit/anchor.ts';
import { minuteMs } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { ControlReader } from '../control/control.ts';
import { askForRemoval } from '../files/askForRemoval.ts';
import { hasFiles } from '../files/fileSettings.ts';
import { defaultVisitLimits } from '../lateWrites/limits.ts';
import { visitDeletions } from '../lateWrites/visits.ts';
import { errorText, type Log } from '../log.ts';
import type { ProjectTruth } from '../source/truth.ts';
import { defaultSyncLimits } from '../sync/limits.ts';
import { continueParked } from '../sync/parked.ts';
import { type OutboxDependencies, publishLeftOver } from './outbox.ts';

export interface UpkeepDependencies extends OutboxDependencies {
  readonly log: Log;
  readonly control: ControlReader;
  /** Whether this deployment writes no assets. */
  readonly isShadow: boolean;
  readonly config: Config;
  /** Asked about deleted projects that have assets again. */
  readonly truth: ProjectTruth;
}

const visitLimits = { ...defaultVisitLimits, visitAfterMs: defaultSyncLimits.visitAfterMs };

/** How often it is looked after, in ms. */
const everyMs = minuteMs;

/** What has to be done now and then by whatever runs regularly: messages of decisions that were not published are
 *  published, work that was parked goes on when what it waited for is over, projects that were deleted a while ago are
 *  visited, files that are due are asked for, and the head of the audit is noted in the log. Costs four reads, one more
 *  where files are configured, and those of the visits.
 *  Never rejects: what fails is logged, and done the next time. */
export async function lookAfter(dependencies: UpkeepDependencies): Promise<void> {
  const { log } = dependencies;
  const events = () => dependencies.publisherTo('events');
  try {
    const published = await publishLeftOver(dependencies);
    if (published > 0) log.info('messages of earlier decisions were published', { published });
  } catch (error) {
    log.error('the messages of decisions could not be listed; retrying', { error: errorText(error) });
  }
  try {
    const continued = await continueParked({ ...dependencies, events });
    if (continued > 0) log.info('parked work goes on', { continued });
  } catch (error) {
    log.error('parked work could not be listed; retrying', { error: errorText(error) });
  }
  if (hasFiles(dependencies.config) && !dependencies.isShadow) await lookForFiles(dependencies);
  try {
    const found = await visitDeletions({ ...dependencies, events, limits: visitLimits });
    if (found > 0) log.info('deleted projects with late assets are deleted again', { found });
  } catch (error) {
    log.error('deleted projects could not be visited; retrying', { error: errorText(error) });
  }
  try {
    await anchorAudit(dependencies);
  } catch (error) {
    log.error('the head of the audit could not be logged; retrying', { error: errorText(error) });
  }
}

async function lookForFiles(dependencies: UpkeepDependencies): Promise<void> {
  try {
    const requests = () => dependencies.publisherTo('reconciliationRequests');
    await askForRemoval({ ...dependencies, requests });
  } catch (error) {
    dependencies.log.error('files that are due could not be asked for; retrying', { error: errorText(error) });
  }
}

/** Looks after these things now and every minute, beside whatever runs, until it is stopped. */
export function startUpkeep(dependencies: UpkeepDependencies): () => void {
  let isStopped = false;
  let cancel = () => {};
  const round = async () => {
    await lookAfter(dependencies);
    if (!isStopped) cancel = dependencies.clock.after(everyMs, () => void round());
  };
  void round();
  return () => {
    isStopped = true;
    cancel();
  };
}
