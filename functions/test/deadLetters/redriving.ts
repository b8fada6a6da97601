import { type Redrive, type RedriveDependencies, type RedriveOptions, redrive } from '../../src/deadLetters/redrive.ts';
import { findDeadLetter, selectDeadLetters } from '../../src/deadLetters/select.ts';

/** Redrives every dead letter that has not been, in the order of their ids, page by page.
 *  @throws what Firestore answered to the listing. */
export async function* redriveAll(
  dependencies: RedriveDependencies,
  options: RedriveOptions,
): AsyncGenerator<readonly Redrive[]> {
  for await (const page of selectDeadLetters(dependencies, { kind: 'waiting' })) {
    const redriven: Redrive[] = [];
    // One after another: each is a link of the same chain.
    for (const snapshot of page) {
      if ('ref' in snapshot) redriven.push(await redrive(dependencies, snapshot, options));
    }
    yield redriven;
  }
}

/** Redrives one dead letter; undefined when there is none. `id` is the event's, or that of the document which keeps it.
 *  It was named, so it is redriven even if this version cannot read it. */
export async function redriveOne(
  dependencies: RedriveDependencies,
  id: string,
  options: Pick<RedriveOptions, 'dryRun'>,
): Promise<Redrive | undefined> {
  const snapshot = await findDeadLetter(dependencies.firestore, id);
  return snapshot && redrive(dependencies, snapshot, { ...options, includeUnreadable: true });
}
