import {
  type handleUnaryCall,
  Metadata,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Clock, sleep } from '../../../../src/clock.ts';
import type { Fault, Faults } from '../../../faults.ts';
import { RpcError, statusCode } from '../status.ts';

/** What every call needs besides the broker. */
export interface CallContext {
  readonly clock: Clock;
  readonly faults: Faults;
  /** Destroys the connection on which a call came in. */
  disconnect(call: { getPeer(): string }): void;
}

/** Answers one kind of call; `signal` is aborted when the client has given up. */
export type Handler<Request> = (request: Request, signal: AbortSignal) => object | Promise<object>;

/** The error of an injected fault; a fault that only drops or delays has none. */
export function faultError(method: string, fault: Fault): RpcError | undefined {
  if (!fault.error) return undefined;
  return new RpcError(statusCode(fault.error.code), fault.error.message ?? `injected fault in ${method}`);
}

/** What ends a call with a status at the client. */
export function toServiceError(error: unknown): ServiceError {
  const known = error instanceof RpcError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new Metadata();
  if (known?.statusDetails) metadata.set('grpc-status-details-bin', known.statusDetails);
  return Object.assign(new Error(message), { code: known?.code ?? status.INTERNAL, details: message, metadata });
}

/** Unary methods by their names. What a request is, the protobuf loader has made sure of. */
export function unaryMethods<Requests extends object>(
  context: CallContext,
  handlers: { readonly [Method in keyof Requests]: Handler<Requests[Method]> },
): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {};
  for (const method in handlers) methods[method] = unary(context, method, handlers[method]);
  return methods;
}

/** Meets the faults injected for `method`, then runs `handle` and answers with its result or its error. */
function unary<Request>(
  context: CallContext,
  method: string,
  handle: Handler<Request>,
): handleUnaryCall<Request, object> {
  return (call, callback) => {
    const cancelled = new AbortController();
    call.on('cancelled', () => cancelled.abort(new RpcError(status.CANCELLED, 'The client cancelled the call.')));

    async function serve(): Promise<object | undefined> {
      const fault = context.faults.take(method);
      if (fault?.latencyMs) await sleep(context.clock, fault.latencyMs, cancelled.signal);
      const error = fault && faultError(method, fault);
      const fails = fault?.drop || error !== undefined;
      const response = fails && !fault?.afterEffect ? undefined : await handle(call.request, cancelled.signal);
      if (fault?.drop) {
        context.disconnect(call);
        return undefined;
      }
      if (error) throw error;
      return response;
    }

    serve().then(
      (response) => {
        if (response !== undefined) callback(null, response);
      },
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}
