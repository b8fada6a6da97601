import type { Config } from '../config/defineConfig.ts';
import type { FilePlace } from './fileName.ts';

/** How a deployment treats the files of assets. */
export interface FileSettings {
  readonly place: FilePlace;
  /** How long a file stays after the deletion of the asset that has named it, in ms: so long may the news take that
   *  another asset names it. */
  readonly graceMs: number;
}

/** Whether files of assets are configured. */
export function hasFiles({ collections }: Pick<Config, 'collections'>): boolean {
  return collections.some(({ files }) => files.length > 0);
}
