import { createAlertsReader } from './alerts.ts';
import { createAuditReader } from './audit.ts';
import { createDecisionsReader } from './decisions.ts';
import { createEventsReader } from './events.ts';
import { createInStepReader } from './inStep.ts';
import { createJobsReader } from './jobs.ts';
import { createMeasuresReader } from './measures.ts';
import { createNowReader } from './now.ts';
import { createProjectsReader } from './projects.ts';
import { createReportsReader } from './reports.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** The views of one installation; keeps what it read for some seconds, so it is made once per instance. */
export function createViews(dependencies: ReaderDependencies): Views {
  const { running, newestOf, ...jobs } = createJobsReader(dependencies);
  const { open, ...alerts } = createAlertsReader(dependencies);
  const { lastMinutes, ...measures } = createMeasuresReader(dependencies);
  return {
    ...jobs,
    ...alerts,
    ...measures,
    ...createEventsReader(dependencies),
    ...createInStepReader(dependencies),
    ...createReportsReader(dependencies),
    ...createAuditReader(dependencies),
    ...createDecisionsReader(dependencies),
    ...createProjectsReader(dependencies, { newestOf }),
    ...createNowReader(dependencies, { running, openAlerts: open, lastMinutes }),
  };
}
