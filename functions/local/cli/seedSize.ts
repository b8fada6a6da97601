import { mostDistinctProjects } from '../seed/projects.ts';
import { documentsFor, type SeedSize } from '../seed/seed.ts';
import { UsageError, wholeNumber } from './arguments.ts';

/** Assets of each seeded project, where no number is given. */
export const usualAssets = 40;

/** Documents that the local Firestore holds in the memory that Node gives a program by itself. */
export const mostDocuments = 250_000;

const mostAssets = 10_000;

/** What `--projects` and `--assets` ask for; no projects without them.
 *  @throws UsageError */
export function readSeedSize(values: Readonly<Record<string, unknown>>): SeedSize {
  const projects = wholeNumber(values, 'projects', 0, mostDistinctProjects);
  const assets = wholeNumber(values, 'assets', 0, mostAssets);
  if (assets !== undefined && projects === undefined) {
    throw new UsageError('--assets: says how many each project gets; --projects says how many projects');
  }
  const size = { projects: projects ?? 0, assets: assets ?? usualAssets };
  const documents = size.projects * documentsFor(size.assets);
  if (documents > mostDocuments) {
    throw new UsageError(
      `--projects ${size.projects} with --assets ${size.assets}: ${documents} documents with the panels, and at most ${mostDocuments} fit`,
    );
  }
  return size;
}
