import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import {
  type Runtime,
  type RuntimeLogEntry,
  type RuntimeOptions,
  startRuntime,
} from '../../../local/runtime/runtime.ts';
import { type PubSubServer, startPubSubServer } from '../../../local/servers/pubsub/server.ts';
import { loadPubSubServices } from '../../../local/servers/pubsub/serviceDefinitions.ts';
import { manualClock } from '../../support/clock.ts';

export const projectId = 'test-project';
export const bundlePath = fileURLToPath(new URL('./fixture/bundle.ts', import.meta.url));

/** The functions of the fixture bundle next to a Pub/Sub server. */
export interface RuntimeFixture {
  readonly server: PubSubServer;
  readonly runtime: Runtime;
  readonly log: RuntimeLogEntry[];
  /** Publishes JSON to a topic. */
  publish(topic: string, data: object, attributes?: Record<string, string>): Promise<void>;
  /** The log entries with this message, of one id where it is given. */
  logged(message: string, id?: string): RuntimeLogEntry[];
  close(): Promise<void>;
}

export async function startFixture(options: Partial<RuntimeOptions> = {}): Promise<RuntimeFixture> {
  const server = await startPubSubServer();
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-runtime-'));
  const log: RuntimeLogEntry[] = [];
  const client = new Client(server.host, credentials.createInsecure());
  const cleanUp = async () => {
    client.close();
    await server.close();
    await rm(directory, { recursive: true });
  };
  const runtime = await startRuntime({
    bundle: bundlePath,
    projectId,
    pubsubHost: server.host,
    log: (entry) => log.push(entry),
    retry: { minBackoffMs: 20, maxBackoffMs: 100 },
    schedules: false,
    // Stands still: no function runs into its timeout because the machine is slow.
    clock: manualClock(),
    ...options,
    env: { TOKEN: 'secret', FIXTURE_DIR: directory, ...options.env },
  }).catch(async (error: unknown) => {
    await cleanUp();
    throw error;
  });
  const definition = loadPubSubServices().Publisher.Publish;
  if (!definition) throw new Error('Pub/Sub has no Publish.');
  return {
    server,
    runtime,
    log,
    publish: (topic, data, attributes = {}) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          definition.path,
          definition.requestSerialize,
          definition.responseDeserialize,
          {
            topic: `projects/${projectId}/topics/${topic}`,
            messages: [{ data: Buffer.from(JSON.stringify(data)), attributes }],
          },
          (error) => (error ? reject(error) : resolve()),
        );
      }),
    logged: (message, id) => log.filter((entry) => entry.message === message && (id === undefined || entry.id === id)),
    async close() {
      await runtime.close();
      await cleanUp();
    },
  };
}
