import type { ProjectTruth } from '../source/truth.ts';

/** Whether MongoDB has a project. */
export type Presence = 'gone' | 'lives' | 'unknown';

/** What MongoDB says of some projects; `unknown` of all of them when it cannot be asked.
 *  @throws MongoError when MongoDB did not answer. */
export async function presenceOf(
  truth: ProjectTruth | undefined,
  projectIds: readonly string[],
): Promise<(projectId: string) => Presence> {
  if (truth === undefined) return () => 'unknown';
  const { projects } = await truth.ask(projectIds);
  return (projectId) => (projects.has(projectId) ? 'lives' : 'gone');
}
