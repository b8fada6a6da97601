import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { runShellScript } from './mongoShell.ts';
import {
  type Credentials,
  type MongoServer,
  type MongoServerOptions,
  startMongoServer,
} from './servers/mongodb/server.ts';

/** A MongoDB server that refuses what its users may not do. */
export interface SecuredMongo {
  /** Its `uri` is that of a user who may do everything, such as the service that owns the projects. */
  readonly server: MongoServer;
  /** For the user that `deploy/mongodb-setup.js` makes, as whom Lockstep runs. */
  readonly productUri: string;
}

const owner: Credentials = { user: 'owner', password: 'owner' };
const product: Credentials = { user: 'lockstep', password: 'lockstep' };
const setupScript = join(import.meta.dirname, '..', 'deploy', 'mongodb-setup.js');

/** Starts a server and prepares it as a deployment is: a privilege that the product lacks there it lacks here. */
export async function startSecuredMongo(
  source: { readonly database: string; readonly collection: string },
  options: MongoServerOptions = {},
): Promise<SecuredMongo> {
  const server = await startMongoServer({ auth: owner, ...options });
  try {
    await runSetupScript(server, source);
  } catch (error) {
    await server.close();
    throw error;
  }
  return { server, productUri: server.uriOf(product) };
}

async function runSetupScript(
  server: MongoServer,
  { database, collection }: { readonly database: string; readonly collection: string },
): Promise<void> {
  const client = new MongoClient(server.uri);
  try {
    await runShellScript(await readFile(setupScript, 'utf8'), {
      client,
      password: product.password,
      env: { LOCKSTEP_DATABASE: database, LOCKSTEP_COLLECTION: collection, LOCKSTEP_USER: product.user },
    });
  } finally {
    await client.close();
  }
}
