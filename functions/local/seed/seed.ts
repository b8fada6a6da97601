import type { Firestore } from 'firebase-admin/firestore';
import type { Collection } from 'mongodb';
import type { ProjectDocument } from '../../src/source/connect.ts';
import { type AssetCounts, assetCount, assetsOfProject } from '../demo/seedData.ts';
import { writeAll } from '../demo/writeAll.ts';
import { mostDistinctProjects, type SeededProject, seededProject } from './projects.ts';

/** What is to be written. */
export interface SeedSize {
  readonly projects: number;
  /** Of each project. */
  readonly assets: number;
}

/** How far it is; `documents` are the assets and what lies below them. */
export interface SeedProgress {
  readonly projects: number;
  readonly documents: number;
}

/** Where it writes, through the clients that a product uses. */
export interface SeedPlaces {
  readonly projects: Collection<ProjectDocument>;
  readonly firestore: Firestore;
}

/** What is there already is not the seeder's to mix with. */
export class SeedRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SeedRefusedError';
  }
}

/** Projects that are written together: so often progress is told. */
const batchSize = 25;

const panelsOfEach = 4;

/** How a number of assets divides among the kinds. Pure. */
export function assetCountsFor(assets: number): AssetCounts {
  const storyboards = Math.ceil(assets * 0.15);
  const analyses = Math.floor(assets * 0.2);
  const prototypes = Math.floor(assets * 0.1);
  const scenes = Math.floor(assets * 0.2);
  const media = assets - storyboards - analyses - prototypes - scenes;
  return { storyboards, panels: panelsOfEach, analyses, media, prototypes, scenes };
}

/** Documents that a number of assets of one project comes to, with those below them. */
export function documentsFor(assets: number): number {
  const counts = assetCountsFor(assets);
  return assetCount(counts) + counts.storyboards * counts.panels;
}

/** Writes projects with their assets; the same size gives the same documents, and a second time changes nothing.
 *  @throws SeedRefusedError when MongoDB holds other projects: they may be somebody's */
export async function seed(
  { projects, firestore }: SeedPlaces,
  size: SeedSize,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: SeedProgress) => void },
): Promise<void> {
  await refuseOthers(projects);
  const counts = assetCountsFor(size.assets);
  for (let first = 0; first < size.projects && !options.signal.aborted; first += batchSize) {
    const batch = projectsFrom(first, Math.min(first + batchSize, size.projects));
    // Projects first, as in a product: who has none writes no assets.
    await projects.bulkWrite(
      batch.map(({ _id, ...fields }) => ({
        replaceOne: { filter: { _id }, replacement: fields, upsert: true },
      })),
    );
    await writeAll(
      firestore,
      batch.flatMap((project) => assetsOfProject(project._id.toHexString(), project, counts)),
    );
    const done = first + batch.length;
    options.onProgress({ projects: done, documents: done * documentsFor(size.assets) });
  }
}

/** Seeded projects from one number to before another. */
export const projectsFrom = (first: number, end: number): SeededProject[] =>
  Array.from({ length: end - first }, (_, index) => seededProject(first + index));

async function refuseOthers(projects: Collection<ProjectDocument>): Promise<void> {
  const ours = projectsFrom(0, mostDistinctProjects).map(({ _id }) => _id);
  const other = await projects.findOne({ _id: { $nin: ours } }, { projection: { _id: 1 } });
  if (other === null) return;
  throw new SeedRefusedError(
    `${projects.namespace} holds a project that was not seeded (${String(other._id)}), so nothing was written. ` +
      'Point MONGODB_URI at an empty database, or unset it.',
  );
}
