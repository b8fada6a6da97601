// A Firestore server in a process of its own, so that its work and memory are not those of the client that is measured.
import { z } from 'zod';
import { startFirestoreServer } from '../../local/servers/firestore/server.ts';
import { delayCalls } from './delayCalls.ts';
import { answerParent } from './requests.ts';

const server = await startFirestoreServer();

answerParent({
  host: () => server.host,
  usage: () => server.meter.snapshot(),
  documents: () => server.stats().documents,
  clear: () => server.clear(),
  roundTrip: (argument) => delayCalls(server.faults, z.number().parse(argument)),
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
});
