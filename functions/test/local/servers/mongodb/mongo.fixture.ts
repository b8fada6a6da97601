import assert from 'node:assert/strict';
import {
  type ChangeStream,
  type ChangeStreamDocument,
  type ChangeStreamOptions,
  type Document,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
} from 'mongodb';
import {
  type MongoServer,
  type MongoServerOptions,
  startMongoServer,
} from '../../../../local/servers/mongodb/server.ts';

/** A server of the local stack and a real client for it. */
export interface Fixture {
  readonly server: MongoServer;
  readonly client: MongoClient;
  close(): Promise<void>;
}

/** Starts a server and connects to it. Errors that the server logs fail the test when it closes. */
export async function startFixture(
  options: MongoServerOptions = {},
  clientOptions: MongoClientOptions = {},
): Promise<Fixture> {
  const logged: string[] = [];
  const server = await startMongoServer({ log: (line) => logged.push(line), ...options });
  const client = new MongoClient(server.uri, {
    serverSelectionTimeoutMS: 5000,
    heartbeatFrequencyMS: 500,
    ...clientOptions,
  });
  await client.connect();
  return {
    server,
    client,
    async close() {
      await client.close();
      await server.close();
      assert.deepEqual(logged, []);
    },
  };
}

/** Runs `body` with a server and closes it afterwards, whatever happens. */
export async function withServer(
  body: (fixture: Fixture) => Promise<void>,
  options: MongoServerOptions = {},
  clientOptions: MongoClientOptions = {},
): Promise<void> {
  const fixture = await startFixture(options, clientOptions);
  try {
    await body(fixture);
  } finally {
    await fixture.close();
  }
}

/**
 * Opens a change stream that does not wait long for events: its first `tryNext` returns as soon as the stream stands.
 */
export function watch(
  target: Pick<MongoClient, 'watch'>,
  pipeline: Document[] = [],
  options: ChangeStreamOptions = {},
): ChangeStream<Document> {
  return target.watch<Document>(pipeline, { maxAwaitTimeMS: 20, ...options });
}

/** Takes the next `count` events of a stream. */
export async function take(stream: ChangeStream<Document>, count: number): Promise<ChangeStreamDocument[]> {
  const events: ChangeStreamDocument[] = [];
  while (events.length < count) events.push(await stream.next());
  return events;
}

/** The events up to a marker document, which is inserted now: what is not among them did not happen before. */
export async function eventsUntilMarker(
  stream: ChangeStream<Document>,
  insertMarker: () => Promise<unknown>,
): Promise<ChangeStreamDocument[]> {
  await insertMarker();
  const events: ChangeStreamDocument[] = [];
  for (;;) {
    const event = await stream.next();
    if (event.operationType === 'insert' && event.fullDocument.marker === true) return events;
    events.push(event);
  }
}

/** Asserts that a promise is rejected by the server with this code, and gives the error back. */
export async function rejectsWithCode(promise: Promise<unknown>, code: number): Promise<MongoServerError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof MongoServerError, `expected an error of the server, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  throw new assert.AssertionError({ message: `expected an error with code ${code}, but there was none` });
}
