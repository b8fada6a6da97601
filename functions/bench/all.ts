import { benchmark as archive } from './archive.ts';
import { benchmark as backlog } from './backlog.ts';
import type { Benchmark } from './benchmark.ts';
import { benchmark as deletion } from './delete.ts';
import { benchmark as gaps } from './gaps.ts';
import { benchmark as latency } from './latency.ts';
import { benchmark as reconcile } from './reconcile.ts';
import { benchmark as relay } from './relay.ts';
import { benchmark as rename } from './rename.ts';
import { benchmark as scale } from './scale.ts';

/** Every benchmark, in the order in which they run. */
export const allBenchmarks: readonly Benchmark[] = [
  deletion,
  archive,
  rename,
  relay,
  gaps,
  scale,
  latency,
  backlog,
  reconcile,
];
