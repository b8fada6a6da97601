import { type FunctionRequest, jsonRequest } from './callFunction.ts';
import type { Outcome } from './functionPool.ts';
import type { FunctionSpec } from './manifest.ts';
import { subscriptionName } from './triggerSubscriptions.ts';

/** How an invocation on request ended. */
export interface FireResult {
  /** HTTP status: 2xx success, 500 error, 504 timeout, 499 cancelled, 429 busy, 503 not running. */
  readonly status: number;
  readonly ok: boolean;
  /** What went wrong, in words. */
  readonly error?: string;
  /** What the function answered, if anything. */
  readonly body?: string;
}

/** One run of a function that nobody but the caller asked for. */
export interface Occasion {
  readonly projectId: string;
  /** Data of a message, or the body of a request; becomes JSON. */
  readonly payload: unknown;
  /** Ms since the epoch. */
  readonly scheduledAt: number;
  /** Unique per message. */
  readonly messageId: string;
}

/** The request by which the service behind its trigger invokes a function. */
export function triggerRequest({ name, trigger }: FunctionSpec, occasion: Occasion): FunctionRequest {
  const { payload = {}, projectId, messageId } = occasion;
  const time = new Date(occasion.scheduledAt).toISOString();
  switch (trigger.kind) {
    case 'pubsub': {
      const data = Buffer.from(JSON.stringify(payload)).toString('base64');
      const message = { data, messageId, publishTime: time, attributes: {} };
      return jsonRequest({ message, subscription: subscriptionName(projectId, name) });
    }
    case 'schedule':
      return jsonRequest(payload, {
        'user-agent': 'Google-Cloud-Scheduler',
        'x-cloudscheduler': 'true',
        'x-cloudscheduler-jobname': `firebase-schedule-${name}`,
        'x-cloudscheduler-scheduletime': time,
      });
    case 'firestore':
    case 'https':
      return jsonRequest(payload);
  }
}

/** An outcome as an HTTP status and words. */
export function toResult(outcome: Outcome): FireResult {
  const failed = (status: number, error: string): FireResult => ({ status, ok: false, error });
  switch (outcome.kind) {
    case 'answered': {
      const { status, error, body } = outcome.response;
      return {
        status,
        ok: status >= 200 && status < 300,
        ...(error === undefined ? {} : { error }),
        ...(body.length === 0 ? {} : { body: body.toString() }),
      };
    }
    case 'timed-out':
      return failed(504, 'the function did not end within its timeout');
    case 'cancelled':
      return failed(499, 'the function did not answer before the caller gave up');
    case 'crashed':
      return failed(500, `the process ended under the invocation: ${outcome.reason}`);
    case 'busy':
      return failed(429, 'every instance is busy');
    case 'unavailable':
      return failed(503, outcome.reason);
  }
}
