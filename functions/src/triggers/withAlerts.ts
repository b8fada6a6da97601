import type { Services } from './services.ts';

/** Does the work of an invocation, and ends only when the alerts that it raised are published, or a moment has passed:
 *  what an instance has not sent by the end of an invocation may wait for the next one. */
export async function withAlerts({ alerts }: Pick<Services, 'alerts'>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await alerts.flush();
  }
}
