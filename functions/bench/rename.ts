import type { Benchmark } from './benchmark.ts';
import { compareWays, massSizes } from './massWork.ts';

/** Updating a copy in all assets of a project against the ways in which it is usually written. */
export const benchmark: Benchmark = {
  name: 'rename',
  summary: 'updates a copy in 20,000 assets of one project, against three other ways',
  run: (options) => compareWays('rename', massSizes[options.size], options),
};
