import type { Firestore } from 'firebase-admin/firestore';
import type { Transact } from '../../src/audit/trace.ts';
import type { Clock } from '../../src/clock.ts';
import { createTransact } from '../../src/operations/transact.ts';
import type { Publisher } from '../../src/publisher.ts';

/** The transactions of somebody who decides in a test: with their trace, and with messages for one topic. */
export function transactAs(
  name: string,
  {
    firestore,
    clock,
    events,
  }: { readonly firestore: Firestore; readonly clock: Clock; readonly events: Pick<Publisher, 'publish'> },
): Transact {
  const publisher = { flush: async () => undefined, publish: events.publish };
  return createTransact(
    { firestore, clock, publisherTo: async () => publisher },
    { actor: { name, role: 'operator', via: 'terminal' }, action: 'test', reason: 'a test' },
  );
}
