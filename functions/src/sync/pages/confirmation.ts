import type { SyncDependencies } from '../dependencies.ts';

/** Answers whether MongoDB still says that a project is gone, from an answer that is at most so old. One question is
 *  under way at a time, and serves all pages that wait for it; at age 0 it has begun after the call.
 *  @throws MongoError: not retried here, since a page that holds locks must not wait for long. */
export function createConfirmation(
  { truth, clock }: Pick<SyncDependencies, 'truth' | 'clock'>,
  projectId: string,
): (maxAgeMs: number) => Promise<boolean> {
  let newest: { readonly askedAt: number; readonly isGone: boolean } | undefined;
  let underWay: Promise<boolean> | undefined;
  let queued: Promise<boolean> | undefined;

  async function ask(): Promise<boolean> {
    const askedAt = clock.now();
    const { projects } = await truth.ask([projectId]);
    newest = { askedAt, isGone: !projects.has(projectId) };
    return newest.isGone;
  }
  function begin(): Promise<boolean> {
    underWay = ask().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }
  return (maxAgeMs) => {
    if (maxAgeMs > 0 && newest !== undefined && clock.now() - newest.askedAt <= maxAgeMs) {
      return Promise.resolve(newest.isGone);
    }
    if (underWay === undefined) return begin();
    // What is under way may have been answered already.
    queued ??= underWay
      .catch(() => undefined)
      .then(() => {
        queued = undefined;
        return begin();
      });
    return queued;
  };
}
