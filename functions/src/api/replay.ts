import { createHash } from 'node:crypto';
import { type Clock, minuteMs } from '../clock.ts';
import { ApiProblem } from './problem.ts';

/** How long an answer is kept for the same key, in ms: longer than a client retries. */
const keptMs = 10 * minuteMs;

/** Answers that are kept; the oldest one goes first. */
const maxKept = 1_000;

/** Gives the answer of a call again to whoever makes it again with the same `Idempotency-Key`. In the memory of this
 *  instance: a call that another instance answered is done again, which does no harm, since every operation is
 *  idempotent in itself; the key spares the caller an answer such as "was over before". */
export interface Replay<Answer> {
  /** @throws ApiProblem when the key came with another request before, and what the call failed with: that is not
   *  kept. */
  once(
    key: {
      readonly key: string;
      readonly caller: string;
      readonly path: string;
      /** As it was sent: the same call is made again with the same text. */
      readonly body: string;
    },
    call: () => Promise<Answer>,
  ): Promise<Answer>;
}

export function createReplay<Answer>(clock: Clock): Replay<Answer> {
  const kept = new Map<string, { readonly at: number; readonly request: string; readonly answer: Promise<Answer> }>();
  return {
    once({ key, caller, path, body }, call) {
      const name = JSON.stringify([caller, key]);
      const request = createHash('sha256')
        .update(JSON.stringify([path, body]))
        .digest('hex');
      const known = kept.get(name);
      if (known !== undefined && clock.now() - known.at < keptMs) {
        if (known.request === request) return known.answer;
        throw new ApiProblem('conflict', 'This Idempotency-Key came with another request: make a new key.', {
          errors: [{ field: 'Idempotency-Key', problem: 'was used for another request' }],
        });
      }
      kept.delete(name);
      const entry = { at: clock.now(), request, answer: call() };
      kept.set(name, entry);
      entry.answer.catch(() => kept.delete(name));
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
      return entry.answer;
    },
  };
}
