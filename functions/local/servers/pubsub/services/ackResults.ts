import { status } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { AckResult } from '../delivery/deliveryQueue.ts';
import { RpcError } from '../status.ts';
import type { AckConfirmation } from '../wire.ts';

/** What became of each ack id of one request. */
export type AckResults = ReadonlyMap<string, AckResult>;

/** How the service names these results in the details of a failed call:
 *  https://cloud.google.com/pubsub/docs/exactly-once-delivery */
const reasons = {
  invalid: 'PERMANENT_FAILURE_INVALID_ACK_ID',
  unordered: 'TRANSIENT_FAILURE_UNORDERED_ACK_ID',
} as const;

/** Throws, under exactly-once delivery, for the ids that did not count; those that did, did. */
export function throwForFailed(results: AckResults, exactlyOnce: boolean): void {
  const failed = [...results].flatMap(([ackId, result]) => (result === 'done' ? [] : [[ackId, reasons[result]]]));
  if (!exactlyOnce || failed.length === 0) return;
  const message = [...results.values()].includes('invalid')
    ? 'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.'
    : 'Some acknowledgement ids in the request were sent out of order.';
  throw new RpcError(status.FAILED_PRECONDITION, message, errorInfo(message, Object.fromEntries(failed)));
}

/** The same as part of a stream. */
export function confirmation(results: AckResults): AckConfirmation {
  const withResult = (wanted: AckResult) => [...results].flatMap(([id, result]) => (result === wanted ? [id] : []));
  return {
    ackIds: withResult('done'),
    invalidAckIds: withResult('invalid'),
    unorderedAckIds: withResult('unordered'),
  };
}

const string = (id: number) => ({ type: 'string', id });
const map = { keyType: 'string', type: 'string', id: 3 };

/** `google.rpc.Status` and its `ErrorInfo`: https://github.com/googleapis/googleapis/tree/master/google/rpc.
 *  The loader has serializers for what methods take and answer with, so that these messages are those of one. */
const details = fromJSON({
  nested: {
    Any: { fields: { type_url: string(1), value: { type: 'bytes', id: 2 } } },
    Status: {
      fields: { code: { type: 'int32', id: 1 }, message: string(2), details: { rule: 'repeated', type: 'Any', id: 3 } },
    },
    ErrorInfo: { fields: { reason: string(1), domain: string(2), metadata: map } },
    Encoder: { methods: { encode: { requestType: 'Status', responseType: 'ErrorInfo', comment: '' } } },
  },
}).Encoder;

function errorInfo(message: string, metadata: Readonly<Record<string, string>>): Buffer {
  const encode = details && !('format' in details) ? details.encode : undefined;
  if (!encode) throw new Error('the details of a status have no encoder');
  const value = encode.responseSerialize({ domain: 'pubsub.googleapis.com', metadata });
  const any = { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value };
  return encode.requestSerialize({ code: status.FAILED_PRECONDITION, message, details: [any] });
}
