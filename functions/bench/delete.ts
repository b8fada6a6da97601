import type { Benchmark } from './benchmark.ts';
import { compareWays, massSizes } from './massWork.ts';

/** Deleting all assets of a project against the ways in which it is usually written. */
export const benchmark: Benchmark = {
  name: 'delete',
  summary: 'deletes 20,000 assets of one project, against three other ways',
  run: (options) => compareWays('delete', massSizes[options.size], options),
};
