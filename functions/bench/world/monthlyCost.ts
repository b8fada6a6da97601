import { dayMs, secondMs } from '../../src/clock.ts';
import { costOf } from '../../src/config/prices.ts';
import type { Deployment } from './deployment.ts';
import { cloudPrices, functionGibibytes } from './prices.ts';
import type { Simulated } from './simulate.ts';

/** What a month costs, in US dollars at list price, without storage. */
export interface MonthlyCost {
  readonly 'Firestore, for events': number;
  readonly 'Firestore, for daily reconciliations': number;
  readonly syncProject: number;
  readonly 'the relay': number;
  readonly 'Pub/Sub': number;
}

const days = 30;
/** Two counts tell of thirty projects that they are in step (docs/reconciliation.md). */
const countsPerProject = 2 / 30;
const bytesPerTebibyte = 2 ** 40;

/** Thirty days like the one that was simulated. Pure.
 *  @param projects all there are: a reconciliation reads each record, and counts the projects of each collection */
export function monthlyCost(day: Simulated, projects: number, deployment: Deployment): MonthlyCost {
  const perSecond = cloudPrices.vcpuSecond + functionGibibytes * cloudPrices.gibibyteSecond;
  const messageBytes = Math.max(deployment.eventBytes, cloudPrices.pubsubLeastBytes);
  const reconciled = projects * (1 + deployment.collections * countsPerProject);
  return {
    'Firestore, for events': days * costOf(day.billed),
    'Firestore, for daily reconciliations': days * costOf({ reads: reconciled, writes: 0, deletes: 0 }),
    syncProject:
      days * ((day.instanceMs / secondMs) * perSecond + (day.changes / 1_000_000) * cloudPrices.requestsPerMillion),
    'the relay': days * (dayMs / secondMs) * perSecond * deployment.relayShards,
    // Published once, delivered once.
    'Pub/Sub': ((days * day.changes * 2 * messageBytes) / bytesPerTebibyte) * cloudPrices.pubsubPerTebibyte,
  };
}

export function totalOf(cost: MonthlyCost): number {
  return Object.values(cost).reduce((sum, dollars) => sum + dollars, 0);
}
