import { dayMs } from '../clock.ts';
import type { Config } from './defineConfig.ts';
import * as params from './params.ts';

/** Parameters of this deployment cannot be used: every problem found, each with its name. */
export class DeploymentError extends Error {
  constructor(problems: readonly string[]) {
    super(
      `the parameters of this deployment are not valid (functions/.env, functions/.env.<project>):\n${problems
        .map((problem) => `  ${problem}`)
        .join('\n')}`,
    );
    this.name = 'DeploymentError';
  }
}

/** Checks the parameters that are set in the environment, all of them: a function would otherwise meet a wrong one only
 *  when it first reads it, in the middle of its work.
 *  @throws DeploymentError */
export function checkDeployment({ collections }: Pick<Config, 'collections'>): void {
  const problems: string[] = [];
  const values = Object.values(params).flatMap((param) => {
    // The connection string is a secret, which only some functions see, and a number is no parameter.
    if (typeof param !== 'object' || !('expression' in param)) return [];
    try {
      return [{ name: param.expression.name, value: param.value() }];
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  });
  // A function that publishes to the topic that triggers it, without meaning to, calls itself for ever.
  const topics = values.filter(({ name }) => name.endsWith('_TOPIC'));
  topics.forEach(({ name, value }, index) => {
    const same = topics.slice(0, index).find((other) => other.value === value);
    if (same !== undefined) problems.push(`${same.name} and ${name}: both are "${value}"`);
  });
  const named = (wanted: string) => values.find(({ name }) => name === wanted)?.value;
  const files = named(params.filesBucket.expression.name);
  const withFiles = collections.find((collection) => collection.files.length > 0);
  if (files === '' && withFiles) problems.push(`FILES_BUCKET: empty, but "${withFiles.name}" has files`);
  if (named(params.filesPrefix.expression.name) === '' && withFiles) {
    problems.push(`FILES_PREFIX: empty, but "${withFiles.name}" has files`);
  }
  // What is found to be no asset's file there would be the archive.
  if (files && files === named(params.archiveBucket.expression.name)) {
    problems.push(`ARCHIVE_BUCKET and FILES_BUCKET: both are "${files}"`);
  }
  const longestMs = Math.max(0, ...collections.map(({ retentionMs }) => retentionMs ?? 0));
  const coldDays = Number(named(params.archiveColdDays.expression.name));
  if (named(params.archiveBucket.expression.name) && longestMs > 0 && coldDays * dayMs >= longestMs) {
    problems.push(`ARCHIVE_COLD_DAYS: ${coldDays}, but nothing is archived for more than ${longestMs / dayMs} days`);
  }
  if (problems.length > 0) throw new DeploymentError(problems);
}
