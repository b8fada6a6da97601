import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { ControlReader } from '../control/control.ts';
import type { FileSettings } from '../files/fileSettings.ts';
import type { Log } from '../log.ts';
import type { Publisher } from '../publisher.ts';
import type { ProjectTruth } from '../source/truth.ts';
import type { SyncLimits } from './limits.ts';
import type { SyncMemory } from './memory/memory.ts';
import type { Throttle } from './pages/throttle.ts';

/** Everything that the work on events needs from outside. Made once per process. */
export interface SyncDependencies {
  readonly firestore: Firestore;
  readonly config: Config;
  /** Looked at before anything is deleted. */
  readonly truth: ProjectTruth;
  /** How many projects MongoDB holds, by estimate: asked only when many are deleted.
   *  @throws MongoError when MongoDB did not answer. */
  readonly countProjects: () => Promise<number>;
  /** Topic of events: continuations go there. */
  readonly events: Publisher;
  readonly deadLetters: Publisher;
  /** What people have paused. */
  readonly control: ControlReader;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  /** A text that no other call returned: names lease holders. */
  readonly uniqueId: () => string;
  readonly log: Log;
  /** Where files of assets are; undefined where none are configured. */
  readonly files?: FileSettings | undefined;
  readonly limits: SyncLimits;
  readonly throttle: Throttle;
  readonly memory: SyncMemory;
}

/** The time frame of one run of work. */
export interface Budget {
  /** No new piece of work begins after this time, in ms of the clock. */
  readonly deadline: number;
  readonly signal: AbortSignal;
}
