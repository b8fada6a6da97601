import type { Firestore } from 'firebase-admin/firestore';
import type { z } from 'zod';
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/defineConfig.ts';
import type { InStep, WaitOptions } from '../../inStep/waitUntilInStep.ts';
import type { AlertView, alertsView } from '../views/alerts.ts';
import type { AuditView } from '../views/audit.ts';
import type { deadLettersView, deadLetterView, holdsView } from '../views/decisions.ts';
import type { ReportView, reportsView } from '../views/integrity.ts';
import type { JobView, jobStatuses, jobsView } from '../views/jobs.ts';
import type { MeasuresView, NowView } from '../views/now.ts';
import type { eventsView, ProjectView, projectsView } from '../views/projects.ts';

/** Where a page of a list begins: behind the item with this position. */
export interface Position {
  /** In ms since 1970. */
  readonly at: number;
  /** Of its document. */
  readonly id: string;
}

/** The same of projects, which a search shows in the order of their names. */
export interface ProjectPosition {
  readonly name: string;
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

export interface AuditQuery {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  /** Sequence of the last entry of the page before. */
  readonly cursor?: number | undefined;
}

/** All that the API shows, read from the records. Undefined stands for what is not there.
 *  Each throws what Firestore failed with. */
export interface Views {
  now(): Promise<NowView>;
  jobs(query: JobsQuery): Promise<z.output<typeof jobsView>>;
  job(id: string): Promise<JobView | undefined>;
  projects(search: string, after: ProjectPosition | undefined): Promise<z.output<typeof projectsView>>;
  project(id: string): Promise<ProjectView | undefined>;
  deadLetters(
    status: z.output<typeof deadLetterView>['status'] | undefined,
    after: Position | undefined,
  ): Promise<z.output<typeof deadLettersView>>;
  deadLetter(id: string): Promise<z.output<typeof deadLetterView> | undefined>;
  holds(after: Position | undefined): Promise<z.output<typeof holdsView>>;
  events(
    projectId: string,
    after: { readonly at: number | null; readonly id: string } | undefined,
  ): Promise<z.output<typeof eventsView>>;
  inStep(projectId: string, options: WaitOptions): Promise<InStep>;
  reports(type: ReportView['type'] | undefined, after: Position | undefined): Promise<z.output<typeof reportsView>>;
  report(id: string): Promise<ReportView | undefined>;
  alerts(state: AlertView['state'] | undefined, after: Position | undefined): Promise<z.output<typeof alertsView>>;
  audit(query: AuditQuery): Promise<AuditView>;
  /** Each entry of the audit from a time on as a line of JSON, the oldest first. */
  auditLines(since: number | undefined): AsyncIterable<string>;
  measures(range: MeasuresView['range']): Promise<MeasuresView>;
}

export interface ReaderDependencies {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly clock: Clock;
  /** What this deployment does with assets. */
  readonly mode: () => NowView['mode'];
}
