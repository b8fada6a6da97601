import { minuteMs } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import * as params from '../config/params.ts';
import { type FileSettings, hasFiles } from './fileSettings.ts';

/** How this deployment treats files; undefined where no collection has any.
 *  @throws Error where a terminal lacks what the functions have. */
export function deployedFileSettings(config: Pick<Config, 'collections'>): FileSettings | undefined {
  if (!hasFiles(config)) return undefined;
  const [bucket, prefix] = [params.filesBucket.value(), params.filesPrefix.value()];
  if (bucket === '' || prefix === '') {
    throw new Error('a collection has "files": set FILES_BUCKET and FILES_PREFIX to what they are in functions/.env');
  }
  const emulator = process.env.STORAGE_EMULATOR_HOST?.replace(/\/+$/, '');
  return {
    place: { bucket, prefix, emulator: emulator || null },
    graceMs: params.filesGraceMinutes.value() * minuteMs,
  };
}
