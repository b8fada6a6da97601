import type { Run } from '../runRecord.ts';
import { hopProjects } from './hopScan.ts';
import { rangesOfProjects } from './idOrder.ts';
import { contextOf, type Judged } from './judgeBatch.ts';
import { judgeProject } from './judgeProject.ts';
import { projectsWithMissingCopies } from './missingCopies.ts';
import { createPagePacer } from './pagePacer.ts';
import type { ProjectAssets } from './projectAssets.ts';
import { noRecord, readRecords } from './recordScan.ts';
import { indexesOf } from './scanPass.ts';

/** Scans one project again, and judges it. Costs about two reads per collection, and one for the record; they count as
 *  those of the scan. */
export async function judgeOne(run: Run, projectId: string, graceBegins: number): Promise<Judged> {
  const [range] = rangesOfProjects([projectId]);
  if (range === undefined) throw new RangeError('expected a project id');
  const pacer = createPagePacer({ wasteShare: 0, maxPage: 1, streams: 0 });
  const collections = new Map<string, ProjectAssets>();
  const scans = indexesOf(run).map(async (index) => {
    const hasCopies = Object.keys(index.collection.copies).length > 0;
    const projects = hasCopies
      ? projectsWithMissingCopies({ index, pacer }, range)
      : hopProjects({ index, pacer, order: 'tuples' }, range);
    for await (const project of projects) collections.set(index.collection.name, project);
  });
  const [records] = await Promise.all([readRecords(run, [projectId]), ...scans]);
  const known = records.get(projectId) ?? noRecord;
  const { version, projects } = await run.lookups.pass(1, () => run.truth.ask([projectId]));
  const snapshot = projects.get(projectId);
  const testimony = { snapshot, before: known, known };
  const project = { projectId, collections, known };
  return { project, verdict: judgeProject(project, testimony, contextOf(run, version, graceBegins)), snapshot };
}
