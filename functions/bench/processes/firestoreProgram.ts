// A Firestore server in a process of its own, so that its work and memory are not those of the client that is measured.
import { z } from 'zod';
import { startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { answerParent } from './requests.ts';

const server = await startFirestoreServer();

/** Calls that a client waits for. */
const delayed = ['BatchGetDocuments', 'BeginTransaction', 'Commit', 'RunQuery', 'RunAggregationQuery'] as const;

answerParent({
  host: () => server.host,
  usage: () => server.meter.snapshot(),
  documents: () => server.stats().documents,
  clear: () => server.clear(),
  roundTrip(argument) {
    const latencyMs = z.number().parse(argument);
    server.faults.clear();
    if (latencyMs > 0)
      for (const method of delayed) server.faults.inject(method, { latencyMs }, Number.MAX_SAFE_INTEGER);
  },
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
});
