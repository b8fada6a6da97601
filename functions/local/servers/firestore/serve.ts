import type { Writable } from 'node:stream';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Clock, sleep } from '../../../src/clock.ts';
import type { Fault, Faults } from '../../faults.ts';
import type { CallMeter, MeterRecorder } from './meter.ts';
import { maxRequestBytes, type Received } from './protocol.ts';
import { codeOf, FirestoreError, invalidArgument, isStatusName } from './status.ts';

/** What a handler may know of its call besides the request. */
export interface CallContext {
  /** Aborted when the client has given up or gone: nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Counts what the call costs its caller. */
  readonly meter: CallMeter;
}

/** One message for one request. */
export type UnaryHandler<Request> = (request: Request, context: CallContext) => Promise<object> | object;
/** Any number of messages for one request. */
export type StreamHandler<Request> = (request: Request, context: CallContext) => Promise<Iterable<object>>;
/** A conversation. */
export interface Conversation<Request> extends CallContext {
  send(message: object): void;
  onRequest(handle: (request: Request) => void): void;
  /** Calls `closed` when the client or the server has ended it. */
  onClose(closed: () => void): void;
  /** Ends it, with an error if there is one. */
  end(error?: unknown): void;
}
export type BidiHandler<Request> = (conversation: Conversation<Request>) => void;

/** What every call goes through. */
export interface Serving {
  readonly faults: Faults;
  readonly meter: MeterRecorder;
  readonly clock: Clock;
  /** Destroys the connection that a call came by. */
  dropConnection(peer: string): void;
  /** Called with every error that is a defect of the server rather than an answer to the client. */
  onDefect(method: string, error: unknown): void;
}

/** The handlers of a service, by method. */
export interface ServiceBuilder {
  unary<Request>(method: string, handler: UnaryHandler<Request>): void;
  stream<Request>(method: string, handler: StreamHandler<Request>): void;
  bidi<Request>(method: string, handler: BidiHandler<Request>): void;
  readonly implementation: UntypedServiceImplementation;
}

/** What all kinds of calls have. */
interface AnyCall {
  readonly metadata: Metadata;
  getPeer(): string;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** What an injected fault leaves of a call. */
type Met = { readonly serve: boolean; readonly fail: FirestoreError | undefined; readonly drop: boolean };

export function createServiceBuilder(serving: Serving): ServiceBuilder {
  const { faults, clock } = serving;
  const implementation: UntypedServiceImplementation = {};

  const meet = async (method: string, { meter, signal }: CallContext): Promise<Met> => {
    meter.call(method);
    const fault = faults.take(method);
    if (!fault) return { serve: true, fail: undefined, drop: false };
    if (fault.latencyMs !== undefined) await sleep(clock, fault.latencyMs, signal);
    const fails = fault.error !== undefined || fault.drop === true;
    return { serve: !fails || fault.afterEffect === true, fail: errorOf(fault), drop: fault.drop === true };
  };

  const contextOf = (call: AnyCall): CallContext => ({
    signal: signalOf(call),
    meter: serving.meter.of(callerOf(call)),
  });

  const statusOf = (method: string, error: unknown, signal: AbortSignal) => {
    if (!(error instanceof FirestoreError) && error !== signal.reason) serving.onDefect(method, error);
    const message = error instanceof Error ? error.message : String(error);
    return { code: codeOf(error), details: message };
  };

  /** Serves a call with one request. */
  const serve = async <Request, Response>(
    method: string,
    call: AnyCall & { readonly request: Received<Request> },
    handler: (request: Request, context: CallContext) => Promise<Response> | Response,
    answer: (response: Response, signal: AbortSignal) => Promise<void> | void,
    fail: (status: ReturnType<typeof statusOf>) => void,
  ) => {
    const context = contextOf(call);
    try {
      const met = await meet(method, context);
      const response = met.serve ? await handler(messageOf(call.request), context) : undefined;
      if (met.drop) return serving.dropConnection(call.getPeer());
      if (met.fail || response === undefined) throw met.fail;
      await answer(response, context.signal);
    } catch (error) {
      fail(statusOf(method, error, context.signal));
    }
  };

  return {
    implementation,
    unary<Request>(method: string, handler: UnaryHandler<Request>) {
      const handle: handleUnaryCall<Received<Request>, object> = (call, callback) =>
        void serve(method, call, handler, (response) => callback(null, response), callback);
      implementation[method] = handle;
    },
    stream<Request>(method: string, handler: StreamHandler<Request>) {
      const handle: handleServerStreamingCall<Received<Request>, object> = (call) =>
        void serve(
          method,
          call,
          handler,
          (responses, signal) => sendAll(call, responses, signal),
          (failure) => {
            // Without headers before it, the client's transport takes the error for a lost connection, and waits and
            // tries twice more before it reports it, whatever the status says.
            call.sendMetadata(new Metadata());
            call.emit('error', failure);
          },
        );
      implementation[method] = handle;
    },
    bidi<Request>(method: string, handler: BidiHandler<Request>) {
      const handle: handleBidiStreamingCall<Received<Request>, object> = (call) => {
        const context = contextOf(call);
        const { signal } = context;
        const closers: (() => void)[] = [];
        const close = () => {
          for (const closed of closers.splice(0)) closed();
        };
        const fail = (error: unknown) => {
          close();
          call.emit('error', statusOf(method, error, signal));
        };
        signal.addEventListener('abort', close, { once: true });
        const serve = async () => {
          call.pause();
          const met = await meet(method, context);
          if (met.drop) return serving.dropConnection(call.getPeer());
          if (met.fail) throw met.fail;
          handler({
            ...context,
            send: (message) => void call.write(message),
            onRequest(handleRequest) {
              call.on('data', (received: Received<Request>) => {
                try {
                  handleRequest(messageOf(received));
                } catch (error) {
                  fail(error);
                }
              });
            },
            onClose: (closed) => void closers.push(closed),
            end: (error) => void (error === undefined ? call.end() : fail(error)),
          });
          call.on('end', () => {
            close();
            call.end();
          });
          call.resume();
        };
        serve().catch(fail);
      };
      implementation[method] = handle;
    },
  };
}

/** Resolves when a call takes more: to false if it never will. */
function drained(call: Writable, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    call.once('drain', () => resolve(true));
    signal.addEventListener('abort', () => resolve(false), { once: true });
    if (signal.aborted) resolve(false);
  });
}

/** Sends responses as fast as the client takes them. */
async function sendAll(call: Writable, responses: Iterable<object>, signal: AbortSignal): Promise<void> {
  for (const response of responses) {
    if (call.write(response)) continue;
    if (!(await drained(call, signal))) return;
  }
  call.end();
}

function messageOf<Request>({ message }: Received<Request>): Request {
  if (message !== undefined) return message;
  throw invalidArgument(`Request payload size exceeds the limit: ${maxRequestBytes} bytes.`);
}

/** One for all calls: the transport reports every call that is over as cancelled, and a stack trace for each would cost
 *  more than the call. */
const cancelled = new FirestoreError('CANCELLED', 'The client cancelled the call.');

function signalOf(call: AnyCall): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort(cancelled));
  return controller.signal;
}

/** Who calls: whose token it is, or, where it is the one that SDKs send to every emulator, from where. */
function callerOf(call: AnyCall): string {
  const [authorization] = call.metadata.get('authorization');
  const token = String(authorization ?? '').replace(/^Bearer /, '');
  return token === '' || token === 'owner' ? call.getPeer() : token;
}

function errorOf({ error }: Fault): FirestoreError | undefined {
  if (!error) return undefined;
  const code = isStatusName(error.code) ? error.code : nameOf(Number(error.code));
  return new FirestoreError(code, error.message ?? `Injected fault: ${code}.`);
}

function nameOf(code: number) {
  const name = status[code];
  if (name !== undefined && isStatusName(name)) return name;
  throw new Error(
    `A fault of the Firestore server needs the name or the number of a gRPC status as its code, not ${code}.`,
  );
}
