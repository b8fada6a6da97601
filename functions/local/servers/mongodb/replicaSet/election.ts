import type { Clock } from '../../../../src/clock.ts';
import type { Cursors } from '../cursors.ts';
import { type CommandError, steppedDown } from '../errors.ts';
import type { Transactions } from '../sessions/transactions.ts';
import type { Writer } from '../storage/writer.ts';
import type { Topology } from '../topology.ts';

/** Whether the one member is the primary. */
export interface Election {
  /** Ceases to be primary until `stepUp` or, if given, for so many ms; cursors and transactions end. */
  stepDown(forMs?: number): void;
  stepUp(): void;
  /** Ends cursors and transactions. */
  endOperations(reason?: CommandError): void;
}

export function createElection(parts: {
  readonly clock: Clock;
  readonly topology: Topology;
  readonly cursors: Cursors;
  readonly transactions: Transactions;
  readonly writer: Writer;
}): Election {
  const { clock, topology, cursors, transactions, writer } = parts;
  let cancelStepUp = () => {};
  const stepUp = () => {
    cancelStepUp();
    topology.setWritable(true);
  };
  const endOperations = (reason?: CommandError) => {
    cancelStepUp();
    cursors.killAll(undefined, reason);
    for (const transaction of [...transactions.open]) writer.abort(transaction);
  };
  return {
    stepDown(forMs) {
      topology.setWritable(false);
      endOperations(steppedDown());
      if (forMs !== undefined) cancelStepUp = clock.after(forMs, stepUp);
    },
    stepUp,
    endOperations,
  };
}
