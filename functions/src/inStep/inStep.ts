import type { Firestore } from 'firebase-admin/firestore';
import type { MongoClient } from 'mongodb';
import type { Config } from '../config/defineConfig.ts';
import ownConfig from '../lockstep.config.ts';
import type { ProjectDocument } from '../source/connect.ts';
import { type AskMongo, type InStep, type WaitOptions, waitUntilInStep } from './waitUntilInStep.ts';

// Public entry `lockstep/in-step`: for the service that owns the projects.

export type { AtLeast } from './clusterTime.ts';
export type { InStep, WaitOptions } from './waitUntilInStep.ts';

export interface InStepOptions {
  /** The database that holds assets and records. */
  readonly firestore: Firestore;
  /** Your connection to MongoDB (of the driver's major version that this package has). It makes every answer decisive;
   *  without it only what the records prove is answered with more than a timeout. */
  readonly mongodb?: MongoClient | undefined;
  /** Default: the configuration of this package. */
  readonly config?: Config;
}

/** Read-your-writes across the two databases. */
export interface InStepReader {
  /** Waits until the assets of a project show what MongoDB held at a time.
   *  @throws RangeError for what is no time, no timeout or no configured field; ProjectRecordError; what Firestore or
   *  MongoDB answered. */
  waitUntilInStep(projectId: string, options: WaitOptions): Promise<InStep>;
}

export function createInStep({ firestore, mongodb, config = ownConfig }: InStepOptions): InStepReader {
  const askMongo = mongodb && askingMongo(mongodb, config);
  return {
    waitUntilInStep: (projectId, options) => waitUntilInStep({ firestore, config, askMongo }, projectId, options),
  };
}

function askingMongo(client: MongoClient, config: Config): AskMongo {
  return async (projectId) => {
    const { createProjectTruth } = await import('../source/truth.ts');
    const { database, collection } = config.source;
    const projects = client.db(database).collection<ProjectDocument>(collection);
    const statement = await createProjectTruth({ client, projects }, config).ask([projectId]);
    return { version: statement.version, fields: statement.projects.get(projectId)?.fields ?? null };
  };
}
