import { secondMs } from '../../clock.ts';
import type { AssetCollection } from '../../config/defineConfig.ts';
import { projectIdProblem } from '../../events/projectId.ts';
import { isNewer, partsOf, type Version } from '../../events/version.ts';
import type { ProjectSnapshot } from '../../source/lookup.ts';
import type { FindingExample, FindingKind, ToRepair } from '../findings.ts';
import { copyDifference } from './differenceText.ts';
import type { JoinedProject, ProjectAssets } from './projectAssets.ts';
import type { KnownState } from './recordScan.ts';

/** What is to be said of one project. */
export interface Verdict {
  /** `young`: not in MongoDB, but too new to be called gone. `held`: its assets wait for a person to decide. The others
   *  are what a repair would be. */
  readonly kind: 'in-step' | 'young' | 'held' | 'unusable' | ToRepair['what'];
  readonly findings: readonly FindingExample[];
}

export interface JudgeContext {
  readonly collections: ReadonlyMap<string, AssetCollection>;
  /** Evidence from after this time (ms since 1970) keeps a project from being an orphan. */
  readonly graceBegins: number;
  /** MongoDB's operation time before it was asked, and after the records were read: nothing in them can rightly be
   *  newer. */
  readonly askedAt: Version;
}

/** What is known of a project besides its assets. */
export interface Testimony {
  /** Undefined when MongoDB does not have it. */
  readonly snapshot: ProjectSnapshot | undefined;
  /** Its record as it was before MongoDB was asked. */
  readonly before: KnownState;
  /** Its record as it was after that, so that news which came meanwhile counts. */
  readonly known: KnownState;
}

/** Compares the assets and the record of a project with what MongoDB says of it. */
export function judgeProject(project: JoinedProject, testimony: Testimony, context: JudgeContext): Verdict {
  const problem = projectIdProblem(project.projectId);
  if (problem !== undefined) {
    return { kind: 'unusable', findings: [findingOf('unusable-project-id', project, problem)] };
  }
  const { snapshot } = testimony;
  if (snapshot === undefined) return judgeMissing(project, testimony, context);
  const drift = copyFindings(project, snapshot, context.collections);
  const record = recordFindings(project, testimony, context);
  const kind = drift.length > 0 ? 'drift' : record.length > 0 ? 'living-record' : 'in-step';
  return { kind, findings: [...drift, ...record] };
}

/** Whether something needs a record to be read again, now that MongoDB has been asked. */
export function isSuspect(project: JoinedProject, snapshot: ProjectSnapshot | undefined): boolean {
  const { kind } = project.known;
  return snapshot === undefined ? project.collections.size > 0 || kind === 'live' : kind === 'deleted';
}

function judgeMissing(project: JoinedProject, { before, known }: Testimony, context: JudgeContext): Verdict {
  const isAhead = isNewer(before.newest ?? '', context.askedAt);
  const newestAsset = Math.max(
    0,
    ...Array.from(project.collections.values(), ({ newestCreatedAt }) => newestCreatedAt),
  );
  // A version from the future is no evidence of anything.
  const newestEvent = known.version === null || isAhead ? 0 : partsOf(known.version).seconds * secondMs;
  const isYoung = Math.max(newestAsset, newestEvent) > context.graceBegins;
  if (project.collections.size === 0) {
    if (known.isHeld || isYoung) return { kind: 'in-step', findings: [] };
    if (known.kind === 'live') {
      const detail = 'its record says that it lives, and MongoDB does not have it';
      return { kind: 'missing-record', findings: [findingOf('live-record-of-missing', project, detail)] };
    }
    return isAhead
      ? { kind: 'missing-record', findings: [aheadFinding(project, before, context)] }
      : { kind: 'in-step', findings: [] };
  }
  if (known.isHeld) {
    const finding = findingOf('held', project, 'deleted, and the hold for mass deletions keeps its assets');
    return { kind: 'held', findings: [finding] };
  }
  if (isYoung) return { kind: 'young', findings: [] };
  if (known.kind === 'none') {
    const detail = 'no such project in MongoDB, and no record of it';
    return { kind: 'unknown-id', findings: [findingOf('unknown-id', project, detail)] };
  }
  const finding =
    known.kind === 'deleted'
      ? findingOf('orphan-with-tombstone', project, 'deleted, and its assets are still there')
      : findingOf('orphan-unknown', project, 'no such project in MongoDB');
  return { kind: 'orphan', findings: [finding] };
}

/** What is wrong with the record of a living project. */
function recordFindings(
  project: JoinedProject,
  { before, known }: Testimony,
  context: JudgeContext,
): readonly FindingExample[] {
  if (isNewer(before.newest ?? '', context.askedAt)) return [aheadFinding(project, before, context)];
  // A deletion that became known since MongoDB was asked is news.
  if (known.kind !== 'deleted' || isNewer(known.version ?? '', context.askedAt)) return [];
  const detail = 'its record says that it is deleted, and MongoDB has it';
  return [findingOf('tombstone-of-living', project, detail)];
}

function aheadFinding(project: JoinedProject, { newest }: KnownState, { askedAt }: JudgeContext): FindingExample {
  const detail = `its record has the version ${newest}, beyond MongoDB's operation time (${askedAt})`;
  return findingOf('record-ahead', project, detail);
}

function copyFindings(
  project: JoinedProject,
  snapshot: ProjectSnapshot,
  collections: JudgeContext['collections'],
): readonly FindingExample[] {
  const findings: FindingExample[] = [];
  for (const [name, assets] of project.collections) {
    const copies = Object.entries(collections.get(name)?.copies ?? {});
    const differences = new Map<FindingKind, string>();
    for (const tuple of assets.tuples) {
      copies.forEach(([source, target], index) => {
        const difference = copyDifference(tuple[index], source, snapshot);
        if (difference === undefined) return;
        const isRefused = Object.hasOwn(snapshot.refused, source);
        const kind = tuple[index] === undefined && !isRefused ? 'missing-copy' : 'stale-copy';
        if (isRefused || !differences.has(kind)) differences.set(kind, `${target}: ${difference}`);
      });
    }
    for (const [kind, detail] of differences) findings.push(exampleOf(kind, assets, [name], detail));
  }
  return findings;
}

function findingOf(kind: FindingKind, project: JoinedProject, detail: string): FindingExample {
  const [assets] = project.collections.values();
  return exampleOf(
    kind,
    assets ?? { projectId: project.projectId, examplePath: null },
    [...project.collections.keys()],
    detail,
  );
}

function exampleOf(
  kind: FindingKind,
  assets: Pick<ProjectAssets, 'projectId'> & { readonly examplePath: string | null },
  collections: readonly string[],
  detail: string,
): FindingExample {
  return { kind, projectId: assets.projectId, collections, path: assets.examplePath, detail };
}
