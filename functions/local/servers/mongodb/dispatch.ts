import { Binary, Long, Timestamp } from 'bson';
import { authorize } from './auth/authorize.ts';
import { encode, encodeCursorReply } from './bson/codec.ts';
import { type Document, isDocument } from './bson/values.ts';
import { findCommand, handshakeCommands } from './commands/commandTable.ts';
import type { Deployment } from './deployment.ts';
import { CommandError, type ErrorScene, errorName, labelsFor } from './errors.ts';
import { meetFailCommand, withWriteConcernError } from './failPoints/failCommand.ts';
import { openOperation } from './openOperation.ts';
import type { Reply } from './operation.ts';
import { checkApiVersion } from './requests/apiVersion.ts';
import { checkFields } from './requests/knownFields.ts';
import type { IncomingRequest, Request } from './requests/request.ts';
import { writeConcernError } from './requests/writeConcern.ts';
import { toTimestamp } from './storage/clusterClock.ts';

export type Outcome = { readonly kind: 'reply'; readonly bytes: Uint8Array } | { readonly kind: 'drop' };

export interface DispatchParts {
  readonly deployment: Deployment;
  readonly log: (line: string) => void;
}

const clusterTimeHashBytes = 20;

/** Runs a command from its fields to the bytes of its answer, or of its error with its labels. */
export async function dispatch(incoming: IncomingRequest, parts: DispatchParts): Promise<Outcome> {
  const { deployment } = parts;
  observeClusterTime(incoming.body, deployment);
  const running = deployment.running.begin(incoming);
  const request = { ...incoming, signal: running.signal };
  // What fails before it has its cursor is not known to be about a change stream.
  let scene = sceneOf(request, opensChangeStream(request));
  try {
    const failure = await meetFailCommand(request, deployment);
    // Asked before the command runs: an error may close the cursor.
    scene = sceneOf(request, scene.changeStream || readsChangeStream(request, deployment));
    const reply = withWriteConcernError(await run(request, deployment), failure, (code) => labelsFor(code, scene));
    return { kind: 'reply', bytes: encodeReply(reply, deployment) };
  } catch (error) {
    if (request.connection.signal.aborted) return { kind: 'drop' };
    const shown = request.signal.aborted ? new CommandError(11601, 'operation was interrupted') : error;
    return { kind: 'reply', bytes: errorReply(shown, request, scene, parts) };
  } finally {
    running.end();
  }
}

function sceneOf({ body, name }: Request, changeStream: boolean): ErrorScene {
  return {
    command: name,
    inTransaction: body.autocommit === false,
    retryableWrite: body.txnNumber !== undefined && body.autocommit === undefined,
    changeStream,
  };
}

function observeClusterTime(body: Document, { clusterClock }: Deployment): void {
  const given = body.$clusterTime;
  const time = isDocument(given) ? given.clusterTime : undefined;
  if (time instanceof Timestamp) clusterClock.observe({ t: time.t, i: time.i });
}

async function run(request: Request, deployment: Deployment): Promise<Reply> {
  const command = findCommand(request.name);
  if (!command) throw new CommandError(59, `no such command: '${request.name}'`);
  if (!deployment.topology.writable && !handshakeCommands.has(request.name))
    throw new CommandError(10107, 'not primary');
  authorize(request, deployment);
  if (request.db === '') throw new CommandError(73, 'a command needs a $db');
  checkFields(request.name, request.body);
  checkApiVersion(request.name, request.body);
  const unsatisfied = writeConcernError(request.name, request.body, deployment.topology.replicaSet);
  const operation = openOperation(request, deployment);
  try {
    const reply = await command(operation);
    return unsatisfied ? { ...reply, fields: { ...reply.fields, writeConcernError: unsatisfied } } : reply;
  } catch (error) {
    const { transaction } = operation;
    const ending = request.name === 'commitTransaction' || request.name === 'abortTransaction';
    if (transaction?.state === 'open' && !ending) deployment.writer.abort(transaction);
    throw error;
  }
}

function times({ topology, clusterClock }: Deployment): Document {
  if (topology.replicaSet === undefined) return {};
  const clusterTime = toTimestamp(clusterClock.current());
  const signature = { hash: new Binary(Buffer.alloc(clusterTimeHashBytes)), keyId: Long.fromNumber(0) };
  return { $clusterTime: { clusterTime, signature }, operationTime: clusterTime };
}

function encodeReply({ fields, batch }: Reply, deployment: Deployment): Uint8Array {
  const all = { ...fields, ok: 1, ...times(deployment) };
  return batch ? encodeCursorReply(batch, all) : encode(all);
}

function errorReply(
  error: unknown,
  request: Request,
  scene: ErrorScene,
  { deployment, log }: DispatchParts,
): Uint8Array {
  const known = error instanceof CommandError ? error : internalError(error, request, log);
  const labels = known.labels ?? labelsFor(known.code, scene);
  return encode({
    ok: 0,
    errmsg: known.message,
    code: known.code,
    codeName: errorName(known.code),
    ...known.details,
    ...(labels.length > 0 ? { errorLabels: [...labels] } : {}),
    ...times(deployment),
  });
}

function internalError(error: unknown, { name }: Request, log: (line: string) => void): CommandError {
  log(`mongodb: ${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return new CommandError(1, error instanceof Error ? error.message : String(error));
}

function opensChangeStream({ name, body }: Request): boolean {
  const first = name === 'aggregate' && Array.isArray(body.pipeline) ? body.pipeline[0] : undefined;
  return isDocument(first) && '$changeStream' in first;
}

function readsChangeStream({ name, body }: Request, { cursors }: Deployment): boolean {
  return (
    name === 'getMore' && body.getMore instanceof Long && cursors.find(body.getMore.toBigInt())?.changeStream === true
  );
}
