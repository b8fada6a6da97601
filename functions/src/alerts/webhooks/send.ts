import { type Backoff, type RetryOptions, tryRepeatedly } from '../../waiting.ts';
import type { WebhookCall } from './formats.ts';

/** A webhook did not take a call. The message holds nothing of its address. */
export class WebhookError extends Error {
  /** Whether the same call may succeed later. */
  readonly isTransient: boolean;
  constructor(problem: string, isTransient: boolean) {
    super(problem);
    this.name = 'WebhookError';
    this.isTransient = isTransient;
  }
}

/** How long one call may take, in ms: a chat answers within a second. */
const callMs = 10_000;

/** Pauses between tries within one invocation; after these, Pub/Sub redelivers the message. */
const backoff: Backoff = { firstPauseMs: 500, longestPauseMs: 5_000 };
const maxTries = 4;

/** Calls a webhook until it takes the call.
 *  @throws WebhookError when it does not, or refuses; the signal's reason. */
export async function callWebhook(
  call: WebhookCall,
  options: Pick<RetryOptions, 'clock' | 'random' | 'signal' | 'onRetry'>,
): Promise<void> {
  const tried = await tryRepeatedly(() => callOnce(call, options.signal), {
    ...options,
    backoff,
    maxTries,
    isTransient: (error) => error instanceof WebhookError && error.isTransient,
  });
  if (tried.kind === 'done') return;
  options.signal.throwIfAborted();
  throw tried.error;
}

async function callOnce({ url, headers, body }: WebhookCall, signal: AbortSignal): Promise<void> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(callMs)]);
  let response: Response;
  try {
    // Followed, a redirect could lead what is secret anywhere.
    response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: within });
  } catch (error) {
    signal.throwIfAborted();
    throw new WebhookError(`no answer (${reasonOf(error)})`, true);
  }
  await response.body?.cancel();
  if (response.ok) return;
  const isTransient = response.status === 408 || response.status === 429 || response.status >= 500;
  throw new WebhookError(`status ${response.status}`, isTransient);
}

/** The code of what went wrong (`ECONNREFUSED`), since texts may quote the address. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return error.name;
}
