import type { Firestore } from 'firebase-admin/firestore';
import type { Clock } from '../clock.ts';
import type { AssetCollection, Config } from '../config/defineConfig.ts';
import type { ControlReader } from '../control/control.ts';
import type { ProjectEvent } from '../events/contract.ts';
import type { ReconcileRequest } from '../events/reconciliationRequest.ts';
import type { IndexArchive } from '../files/completeIndex.ts';
import type { FileSettings } from '../files/fileSettings.ts';
import type { Log } from '../log.ts';
import type { ProjectsSource } from '../source/connect.ts';
import type { ProjectTruth } from '../source/truth.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { Brake } from './brakes.ts';
import type { FindingExample, ToRepair } from './findings.ts';
import type { ReconcileJob } from './jobRecord.ts';
import type { ReconcileLimits } from './limits.ts';
import type { ReconcileProgress } from './progress.ts';
import type { ProgressKeeper } from './progressKeeper.ts';
import type { ProjectsInMongo } from './projectsInMongo.ts';
import type { ReadGate } from './scan/readGate.ts';

/** What a repair came to, as far as reconciliation has to know. */
export type RepairOutcome =
  | { readonly kind: 'applied'; readonly processed: number }
  /** The assets show it already. */
  | { readonly kind: 'duplicate' }
  /** Another worker is on this project and converges it. */
  | { readonly kind: 'deferred'; readonly until: number }
  /** What is paused, or was only counted, is put off; the next run finds it again. */
  | { readonly kind: 'parked' }
  /** The time was used up; the rest is published as a continuation. */
  | { readonly kind: 'continued'; readonly processed: number }
  /** The final check in MongoDB, right before deleting, found the project alive: nothing was deleted. */
  | { readonly kind: 'contradicted' }
  /** The hold for mass deletions keeps it. */
  | { readonly kind: 'held' }
  /** It failed too often. */
  | { readonly kind: 'exhausted'; readonly attempts: number; readonly lastError: string | null };

/** Repairs the assets of one project: the same code that applies events, which `SyncWorker` satisfies. */
export interface Applier {
  apply(
    event: ProjectEvent,
    options: {
      /** Scan the assets even if the event is no news. */
      readonly force: true;
      /** Assets created later (ms since 1970) are left alone. */
      readonly createdBefore?: number;
      readonly deadline: number;
      readonly signal: AbortSignal;
    },
  ): Promise<RepairOutcome>;
}

/** Everything that reconciliation needs from outside. Made once per process. */
export interface ReconcileDependencies {
  readonly firestore: Firestore;
  readonly source: ProjectsSource;
  readonly truth: ProjectTruth;
  readonly applier: Applier;
  readonly config: Config;
  readonly clock: Clock;
  /** Unique per call: names lease holders and jobs. */
  readonly uniqueId: () => string;
  readonly log: Log;
  readonly limits: ReconcileLimits;
  /** What a run in mode `verify` does between its scan and its judgement. */
  readonly verify?: (run: Run) => Promise<PassEnd>;
  /** Where files of assets are; undefined where none are configured. */
  readonly files?:
    | {
        readonly settings: FileSettings;
        readonly bucket: () => Promise<Pick<Bucket, 'list'>>;
        readonly indexArchive: IndexArchive;
      }
    | undefined;
  /** Shadow mode: `clean` finds and judges as ever, and repairs nothing. */
  readonly isShadow?: boolean;
}

/** What the passes of one run share. */
export interface Run extends ReconcileDependencies {
  readonly request: ReconcileRequest;
  readonly collections: readonly AssetCollection[];
  /** What is found and how far it has come; changed in place, and kept by `keeper`. */
  readonly job: ReconcileJob;
  readonly keeper: ProgressKeeper;
  /** What is to be repaired, of one document below the job. */
  readonly chunkOf: (chunk: number) => Promise<readonly ToRepair[]>;
  readonly inMongo: ProjectsInMongo;
  /** What people have paused. */
  readonly control: ControlReader;
  /** Collection -> tuples that the last run has found there. */
  readonly lastTuples: Readonly<Record<string, number>>;
  /** Bounds queries to Firestore. */
  readonly gate: ReadGate;
  /** Bounds questions to MongoDB. */
  readonly lookups: ReadGate;
  /** Aborted when the run has to stop at once: asked to, lease lost, or a part of it failed. */
  readonly signal: AbortSignal;
  /** No new piece of work begins after this time, ms since 1970. */
  readonly deadline: number;
  readonly onProgress: (progress: ReconcileProgress) => void;
}

/** How a pass ended. */
export type PassEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'out-of-time' }
  | { readonly kind: 'braked'; readonly brake: Brake };

/** Whether no further piece of work may begin. */
export function isOver(run: Pick<Run, 'clock' | 'deadline' | 'signal'>): boolean {
  return run.signal.aborted || run.clock.now() >= run.deadline;
}

/** Adds to the examples of a kind while there is room. */
export function addExample(run: Pick<Run, 'job' | 'limits'>, example: FindingExample): void {
  const { examples } = run.job;
  const shown = examples.filter(({ kind }) => kind === example.kind).length;
  if (shown < run.limits.examples) examples.push({ ...example, collections: [...example.collections] });
}
