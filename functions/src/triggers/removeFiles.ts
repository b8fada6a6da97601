import { secondMs } from '../clock.ts';
import * as params from '../config/params.ts';
import { deployedFileSettings } from '../files/deployedFiles.ts';
import { archiveIndexer } from './archiveJob.ts';
import type { Services } from './services.ts';

/** One invocation's worth of the removal of files. What it leaves is due still, and is asked for again within a
 *  minute. */
export async function removeFiles(services: Services): Promise<void> {
  const { config, clock, log } = services;
  const settings = deployedFileSettings(config);
  // A configuration without files any more, or one that must delete nothing: what is due stays so.
  if (settings === undefined || params.syncMode.value() === 'shadow') return;
  const [{ removeDueFiles }, { createControlReader }] = await Promise.all([
    import('../files/removeDueFiles.ts'),
    import('../control/control.ts'),
  ]);
  const firestore = await services.firestore();
  const bucket = await services.bucket(settings.place.bucket);
  const control = createControlReader(firestore, clock);
  const indexArchive = await archiveIndexer(services, settings);
  await removeDueFiles(
    { firestore, config, settings, bucket, clock, log, control, indexArchive },
    { deadline: clock.now() + params.reconcileBudgetSeconds.value() * secondMs, signal: services.stopping() },
  );
}
