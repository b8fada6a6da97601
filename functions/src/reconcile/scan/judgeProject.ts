import { secondMs } from '../../clock.ts';
import type { AssetCollection } from '../../config/defineConfig.ts';
import { sameCopyValue } from '../../events/copyValue.ts';
import { projectIdProblem } from '../../events/projectId.ts';
import { partsOf, type Version } from '../../events/version.ts';
import { copyValueFromFirestore, foreignValue } from '../../records/firestoreValue.ts';
import type { ProjectSnapshot } from '../../source/lookup.ts';
import type { FindingExample, FindingKind } from '../findings.ts';
import { canonicalText } from './canonicalText.ts';
import type { JoinedProject, ProjectAssets } from './projectAssets.ts';

/** What Lockstep itself knows of a project that MongoDB does not have. */
export interface KnownState {
  readonly kind: 'unknown' | 'live' | 'deleted';
  readonly version: Version | null;
  /** Whether its deletion is held, or was decided against. */
  readonly isHeld: boolean;
}

/** What is to be said of one project. */
export interface Verdict {
  /** `young`: not in MongoDB, but too new to be called an orphan. `held`: its assets wait for a person to decide. */
  readonly kind: 'in-step' | 'orphan' | 'young' | 'held' | 'drift' | 'unusable';
  readonly findings: readonly FindingExample[];
}

export interface JudgeContext {
  readonly collections: ReadonlyMap<string, AssetCollection>;
  /** Evidence from after this time (ms since 1970) keeps a project from being an orphan. */
  readonly graceBegins: number;
}

/** Compares the assets of a project with what MongoDB says of it. `snapshot` is undefined when MongoDB does not have
 *  it; `known` is then what the project record says. */
export function judgeProject(
  project: JoinedProject,
  snapshot: ProjectSnapshot | undefined,
  known: KnownState,
  context: JudgeContext,
): Verdict {
  const problem = projectIdProblem(project.projectId);
  if (problem !== undefined) {
    return { kind: 'unusable', findings: [findingOf('unusable-project-id', project, problem)] };
  }
  return snapshot === undefined
    ? judgeMissing(project, known, context)
    : judgeCopies(project, snapshot, context.collections);
}

function judgeMissing(project: JoinedProject, known: KnownState, { graceBegins }: JudgeContext): Verdict {
  if (known.isHeld) {
    const finding = findingOf('held', project, 'deleted, and the hold for mass deletions keeps its assets');
    return { kind: 'held', findings: [finding] };
  }
  const newestAsset = Math.max(...Array.from(project.collections.values(), ({ newestCreatedAt }) => newestCreatedAt));
  const newestEvent = known.version === null ? 0 : partsOf(known.version).seconds * secondMs;
  if (Math.max(newestAsset, newestEvent) > graceBegins) return { kind: 'young', findings: [] };
  const finding =
    known.kind === 'deleted'
      ? findingOf('orphan-with-tombstone', project, 'deleted, and its assets are still there')
      : findingOf('orphan-unknown', project, 'no such project in MongoDB');
  return { kind: 'orphan', findings: [finding] };
}

function judgeCopies(
  project: JoinedProject,
  snapshot: ProjectSnapshot,
  collections: JudgeContext['collections'],
): Verdict {
  const findings: FindingExample[] = [];
  for (const [name, assets] of project.collections) {
    const copies = Object.entries(collections.get(name)?.copies ?? {});
    const differences = new Map<FindingKind, string>();
    for (const tuple of assets.tuples) {
      copies.forEach(([source, target], index) => {
        const value = copyValueFromFirestore(tuple[index]);
        const want = snapshot.fields[source] ?? null;
        if (value !== foreignValue && sameCopyValue(value, want)) return;
        const kind = tuple[index] === undefined ? 'missing-copy' : 'stale-copy';
        if (!differences.has(kind))
          differences.set(kind, `${target}: ${shown(tuple[index])}, should be ${shown(want)}`);
      });
    }
    for (const [kind, detail] of differences) findings.push(exampleOf(kind, assets, [name], detail));
  }
  return { kind: findings.length === 0 ? 'in-step' : 'drift', findings };
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

/** Longest text of a value in an example, in characters. */
const maxShown = 60;

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = canonicalText(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
