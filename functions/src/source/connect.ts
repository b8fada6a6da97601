import { type Collection, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Config } from '../config/defineConfig.ts';
import type { ProjectMongoId } from './projectIds.ts';

/** How long the driver looks for a primary before it gives up, in ms: an operator gets an answer within ten seconds. */
const serverSelectionTimeoutMs = 8_000;

/** A project as the driver returns it; its `_id` may be of any configured form. */
export interface ProjectDocument {
  _id: ProjectMongoId;
  [field: string]: unknown;
}

/** The connected collection of projects. */
export interface ProjectsSource {
  readonly client: MongoClient;
  readonly projects: Collection<ProjectDocument>;
  /** The same collection over connections of its own, for a caller whose connection went silent.
   *  @throws SourceError as `connectSource`. */
  again(): Promise<ProjectsSource>;
  close(): Promise<void>;
}

/** MongoDB cannot be used as it is; the message says why and what to do. */
export class SourceError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SourceError';
  }
}

/** Connects to MongoDB and makes sure that it can serve change streams and majority reads.
 *  @throws SourceError when it cannot be reached within ten seconds, or is a standalone server. */
export async function connectSource(
  uri: string,
  config: Config,
  options: MongoClientOptions = {},
): Promise<ProjectsSource> {
  const client = createClient(uri, options);
  try {
    const hello = await client.connect().then(() => client.db('admin').command({ hello: 1 }));
    if (typeof hello.setName !== 'string' && hello.msg !== 'isdbgrid') {
      throw new SourceError(
        `MongoDB at ${withoutCredentials(uri)} is a standalone server, which has no change streams; start it as a replica set ` +
          '(mongod --replSet rs0, then rs.initiate()).',
      );
    }
  } catch (error) {
    await client.close();
    if (error instanceof SourceError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SourceError(
      `MongoDB at ${withoutCredentials(uri)} cannot be reached: ${why}. Check MONGODB_URI, the network and the credentials.`,
      { cause: error },
    );
  }
  return {
    client,
    projects: client.db(config.source.database).collection<ProjectDocument>(config.source.collection),
    again: () => connectSource(uri, config, options),
    close: () => client.close(),
  };
}

function createClient(uri: string, options: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(uri, {
      serverSelectionTimeoutMS: serverSelectionTimeoutMs,
      appName: 'lockstep',
      // MongoDB keeps strings as they were sent. One that is no UTF-8 must not make its neighbours unreadable: it is
      // read with U+FFFD.
      enableUtf8Validation: false,
      // Patterns are of PCRE; JavaScript refuses some of them (`(?i)x`), and with one all that was read with it.
      bsonRegExp: true,
      ...options,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SourceError(`MONGODB_URI is not a MongoDB connection string: ${why}`, { cause: error });
  }
}

/** A connection string without user and password, fit for logs. */
export function withoutCredentials(uri: string): string {
  return uri.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '');
}
