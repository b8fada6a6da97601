import type { Socket } from 'node:net';
import { Long } from 'bson';
import { systemClock } from '../../../src/clock.ts';
import { encode } from './bson/codec.ts';
import { type Document, isDocument, isNumeric, toNumber } from './bson/values.ts';
import type { ClientConnection } from './clientConnection.ts';
import { type DispatchParts, dispatch } from './dispatch.ts';
import { CommandError, errorName } from './errors.ts';
import type { Topology } from './topology.ts';
import { createMessageReader, frame, opCodes, type WireMessage } from './wire/framing.ts';
import { messagePayload, parseMessage } from './wire/opMsg.ts';
import { legacyReplyPayload, parseLegacyQuery } from './wire/opQuery.ts';

/** Serves one client connection until it closes: one message after the other. */
export function serveConnection(socket: Socket, id: number, parts: DispatchParts): void {
  const reader = createMessageReader();
  const closing = new AbortController();
  const connection: ClientConnection = { id, signal: closing.signal, close: () => socket.destroy() };
  let lastReplyId = 0;
  let turn: Promise<void> = Promise.resolve();

  const send = (responseTo: number, opCode: number, payload: readonly Uint8Array[]) => {
    lastReplyId += 1;
    if (!socket.destroyed) socket.write(frame({ requestId: lastReplyId, responseTo, opCode, payload }));
  };
  const handle = async (message: WireMessage) => {
    if (message.opCode === opCodes.message) await handleMessage(message);
    else if (message.opCode === opCodes.query) await handleQuery(message);
    else throw new RangeError(`opcode ${message.opCode} is not supported`);
  };
  const handleQuery = async ({ requestId, payload }: WireMessage) => {
    const { namespace, body } = parseLegacyQuery(payload);
    const name = Object.keys(body)[0] ?? '';
    const handshake = name === 'hello' || name.toLowerCase() === 'ismaster';
    const outcome = handshake
      ? await dispatch({ name, db: namespace.split('.')[0] ?? 'admin', body, sequences: new Map(), connection }, parts)
      : ({ kind: 'reply', bytes: unsupportedQuery(name) } as const);
    if (outcome.kind === 'drop') socket.destroy();
    else send(requestId, opCodes.reply, legacyReplyPayload(outcome.bytes));
  };
  const handleMessage = async ({ requestId, payload }: WireMessage) => {
    const { name, body, sequences, unacknowledged, exhaustAllowed } = parseMessage(payload);
    const db = typeof body.$db === 'string' ? body.$db : '';
    const awaited = awaitedHello(name, body);
    let responseTo = requestId;
    do {
      if (awaited) await topologyChange(parts.deployment.topology, awaited, closing.signal);
      if (closing.signal.aborted) return;
      const outcome = await dispatch({ name, db, body, sequences, connection }, parts);
      if (outcome.kind === 'drop') {
        socket.destroy();
        return;
      }
      if (unacknowledged) return;
      const more = awaited !== undefined && exhaustAllowed;
      send(responseTo, opCodes.message, messagePayload(outcome.bytes, more));
      // Each further answer answers the one before it.
      responseTo = lastReplyId;
      if (awaited) awaited.version = parts.deployment.topology.version;
    } while (awaited && exhaustAllowed);
  };
  const fail = (error: unknown) => {
    parts.log(`mongodb: connection ${id} closed: ${error instanceof Error ? error.message : String(error)}`);
    socket.destroy();
  };

  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    try {
      for (const message of reader.push(chunk)) turn = turn.then(() => handle(message)).catch(fail);
    } catch (error) {
      fail(error);
    }
  });
  // A reset by the client is no more than a close; what has to end with the connection ends with 'close'.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => closing.abort(new Error('the connection was closed')));
}

function unsupportedQuery(name: string): Uint8Array {
  const error = new CommandError(352, `Unsupported OP_QUERY command: ${name}`);
  return encode({ ok: 0, errmsg: error.message, code: error.code, codeName: errorName(error.code) });
}

/** What a `hello` waits for: a topology that differs from the one that the client knows. */
interface AwaitedHello {
  version: number;
  readonly maxMs: number;
}

function awaitedHello(name: string, body: Document): AwaitedHello | undefined {
  const known = isDocument(body.topologyVersion) ? body.topologyVersion.counter : undefined;
  if (
    (name !== 'hello' && name.toLowerCase() !== 'ismaster') ||
    !(known instanceof Long) ||
    !isNumeric(body.maxAwaitTimeMS)
  )
    return undefined;
  return { version: known.toNumber(), maxMs: toNumber(body.maxAwaitTimeMS) };
}

/** Resolves when the topology changes, the client's time is up (real time: its watchdog runs by it), or it closes. */
function topologyChange(topology: Topology, { version, maxMs }: AwaitedHello, signal: AbortSignal): Promise<void> {
  if (topology.version !== version || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      stopListening();
      cancelTimer();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const stopListening = topology.onChange(finish);
    const cancelTimer = systemClock.after(maxMs, finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}
