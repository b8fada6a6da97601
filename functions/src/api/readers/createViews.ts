import { createDecisionsReader } from './decisions.ts';
import { createJobsReader } from './jobs.ts';
import { createNowReader } from './now.ts';
import { createProjectsReader } from './projects.ts';
import type { ReaderDependencies, Views } from './views.ts';

/** The views of one installation; keeps what it read for some seconds, so it is made once per instance. */
export function createViews(dependencies: ReaderDependencies): Views {
  const jobs = createJobsReader(dependencies);
  return {
    ...jobs,
    ...createDecisionsReader(dependencies),
    ...createProjectsReader(dependencies, jobs),
    ...createNowReader(dependencies, jobs),
  };
}
