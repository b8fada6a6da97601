import { minuteMs } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import * as params from '../config/params.ts';
import { type FileSettings, hasFiles } from './fileSettings.ts';

/** How this deployment treats files; undefined where no collection has any. */
export function deployedFileSettings(config: Pick<Config, 'collections'>): FileSettings | undefined {
  if (!hasFiles(config)) return undefined;
  const emulator = process.env.STORAGE_EMULATOR_HOST?.replace(/\/+$/, '');
  return {
    place: { bucket: params.filesBucket.value(), prefix: params.filesPrefix.value(), emulator: emulator || null },
    graceMs: params.filesGraceMinutes.value() * minuteMs,
  };
}
