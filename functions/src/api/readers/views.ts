import type { Firestore } from 'firebase-admin/firestore';
import type { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { deadLettersView, deadLetterView, holdsView } from '../views/decisions.ts';
import type { JobView, jobStatuses, jobsView } from '../views/jobs.ts';
import type { NowView } from '../views/now.ts';
import type { ProjectView, projectsView } from '../views/projects.ts';

/** Where a page of a list begins: behind the item with this position. */
export interface Position {
  /** In ms since 1970. */
  readonly at: number;
  /** Of its document. */
  readonly id: string;
}

export interface JobsQuery {
  readonly status?: (typeof jobStatuses)[number] | undefined;
  readonly type?: JobView['type'] | undefined;
  readonly projectId?: string | undefined;
  /** Only jobs that began at this time or later, in ms since 1970. */
  readonly since?: number | undefined;
  readonly cursor?: Position | undefined;
}

/** All that the API shows, read from the records. Undefined stands for what is not there.
 *  Each throws what Firestore failed with. */
export interface Views {
  now(): Promise<NowView>;
  jobs(query: JobsQuery): Promise<z.output<typeof jobsView>>;
  job(id: string): Promise<JobView | undefined>;
  projects(search: string, after: string | undefined): Promise<z.output<typeof projectsView>>;
  project(id: string): Promise<ProjectView | undefined>;
  deadLetters(
    status: z.output<typeof deadLetterView>['status'] | undefined,
    after: Position | undefined,
  ): Promise<z.output<typeof deadLettersView>>;
  deadLetter(id: string): Promise<z.output<typeof deadLetterView> | undefined>;
  holds(after: Position | undefined): Promise<z.output<typeof holdsView>>;
}

export interface ReaderDependencies {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly clock: Clock;
}
