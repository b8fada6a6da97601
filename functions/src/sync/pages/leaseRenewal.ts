import type { Clock } from '../../clock.ts';
import type { WorkLease } from '../../records/projectRecord.ts';

/** The lease is renewed when less than this part of it is left. */
const renewBelow = 2 / 3;

/** Renews a work lease in passing: one page at a time extends it. */
export interface LeaseRenewal {
  /** Until when (ms since 1970) the page that begins now shall extend the lease; undefined when that is not due. */
  begin(): number | undefined;
  /** The page has ended. */
  end(until: number | undefined, succeeded: boolean): void;
}

export function createLeaseRenewal(clock: Clock, lease: WorkLease, leaseMs: number): LeaseRenewal {
  let expiresAt = lease.expiresAt;
  let isUnderWay = false;
  return {
    begin() {
      const now = clock.now();
      if (isUnderWay || expiresAt - now > leaseMs * renewBelow) return undefined;
      isUnderWay = true;
      return now + leaseMs;
    },
    end(until, succeeded) {
      if (until === undefined) return;
      isUnderWay = false;
      if (succeeded) expiresAt = until;
    },
  };
}
