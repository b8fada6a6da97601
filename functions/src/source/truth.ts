import type { ClientSession, Timestamp } from 'mongodb';
import type { Config } from '../config/defineConfig.ts';
import { maxOrdinal, type Version, versionOf } from '../events/version.ts';
import { type ProjectsSource, SourceError } from './connect.ts';
import { createProjectLookup, type LookupOptions, type ProjectSnapshot } from './lookup.ts';

/** What MongoDB says about some projects, as of a version: it can be folded like an event. */
export interface Statement {
  readonly version: Version;
  /** The projects that exist; one that was asked for and is missing here does not. */
  readonly projects: ReadonlyMap<string, ProjectSnapshot>;
}

/** Asks MongoDB about projects in a way that can be ordered among their events. */
export interface ProjectTruth {
  /** @throws MongoError when MongoDB did not answer: never to be taken for "does not exist". */
  ask(projectIds: readonly string[]): Promise<Statement>;
}

/** The version is the server's operation time *before* the read, and the read happens after that time (causal
 *  consistency: https://www.mongodb.com/docs/manual/core/causal-consistency-read-write-concerns/). So the statement
 *  contains every change up to its version. It may contain later ones too; those have events of their own with newer
 *  versions, which then win over it. */
export function createProjectTruth(
  source: Pick<ProjectsSource, 'client' | 'projects'>,
  config: Config,
  options: LookupOptions = {},
): ProjectTruth {
  return {
    ask: (projectIds) =>
      source.client.withSession({ causalConsistency: true }, async (session) => {
        const time = await operationTime(source, session);
        const lookup = createProjectLookup(source.projects, config, { ...options, session });
        const projects = await lookup.find(projectIds);
        return {
          version: versionOf({ seconds: time.getHighBitsUnsigned(), increment: time.getLowBitsUnsigned() }, maxOrdinal),
          projects,
        };
      }),
  };
}

/** The newest cluster time that the primary has applied; the session's next read happens after it. */
async function operationTime(source: Pick<ProjectsSource, 'client'>, session: ClientSession): Promise<Timestamp> {
  await source.client.db('admin').command({ hello: 1 }, { session });
  if (session.operationTime === undefined) {
    throw new SourceError('MongoDB did not tell its operation time; only replica sets and sharded clusters do.');
  }
  return session.operationTime;
}
