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
  for (const { what, attend } of dutiesOf(dependencies)) {
    try {
      await attend();
    } catch (error) {
      log.error(`${what}; retrying`, { error: errorText(error) });
    }
  }
}

interface Duty {
  /** What is the matter when it fails. */
  readonly what: string;
  readonly attend: () => Promise<unknown>;
}

function dutiesOf(dependencies: UpkeepDependencies): readonly Duty[] {
  const { log } = dependencies;
  const events = () => dependencies.publisherTo('events');
  const requests = () => dependencies.publisherTo('reconciliationRequests');
  const noted = async (message: string, count: Promise<number>) => {
    const some = await count;
    if (some > 0) log.info(message, { count: some });
  };
  const files: Duty = {
    what: 'files that are due could not be asked for',
    attend: () => askForRemoval({ ...dependencies, requests }),
  };
  return [
    {
      what: 'the messages of decisions could not be listed',
      attend: () => noted('messages of earlier decisions were published', publishLeftOver(dependencies)),
    },
    {
      what: 'parked work could not be listed',
      attend: () => noted('parked work goes on', continueParked({ ...dependencies, events })),
    },
    ...(hasFiles(dependencies.config) && !dependencies.isShadow ? [files] : []),
    {
      what: 'deleted projects could not be visited',
      attend: () =>
        noted(
          'deleted projects with late assets are deleted again',
          visitDeletions({ ...dependencies, events, limits: visitLimits }),
        ),
    },
    { what: 'the head of the audit could not be logged', attend: () => anchorAudit(dependencies) },
  ];
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
