// The side that is measured: one way of comparing assets with projects, with client libraries of its own.
import { Firestore } from 'firebase-admin/firestore';
import { connectSource } from '../../src/source/connect.ts';
import { createProjectTruth } from '../../src/source/truth.ts';
import { isReconcileWay, reconcileConfig, reconcileWays } from '../contenders/reconcileWays.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const [name = '', mongodbUri = '', firestoreHost = ''] = process.argv.slice(2);
if (!isReconcileWay(name)) throw new Error(`there is no way of reconciling "${name}"`);
const way = reconcileWays[name];
const source = await connectSource(mongodbUri, reconcileConfig);
const context = {
  source,
  truth: createProjectTruth(source, reconcileConfig),
  firestore: new Firestore({ projectId: benchProjectId, host: firestoreHost, ssl: false }),
};

answerParent({
  async run() {
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const compared = await way(context);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    return { ms, cpuMs: (user + system) / 1_000, compared };
  },
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
