// The service that owns the projects: it writes them in MongoDB, and sees to their assets in one of the ways.
import { Firestore } from 'firebase-admin/firestore';
import { ObjectId } from 'mongodb';
import { defineConfig } from '../../src/config/defineConfig.ts';
import { connectSource, type ProjectDocument } from '../../src/source/connect.ts';
import { deletionWays, isDeletionWay } from '../contenders/deletionWays.ts';
import { latencyConfig } from '../latency/config.ts';
import { seededName } from '../seedAssets.ts';
import { machineMs } from './machineClock.ts';
import { createSchema, deleteSchema } from './ownerProcess.ts';
import { answerParent } from './requests.ts';
import { benchProjectId } from './servicesProcess.ts';

const [name = '', mongodbUri = '', firestoreHost = ''] = process.argv.slice(2);
if (!isDeletionWay(name)) throw new Error(`there is no way of deleting "${name}"`);
const { collection, afterDeletion } = deletionWays[name];
const firestore = new Firestore({ projectId: benchProjectId, host: firestoreHost, ssl: false });
const config = defineConfig(latencyConfig);
const { client } = await connectSource(mongodbUri, config, { writeConcern: { w: 'majority' } });
const projects = client.db(config.source.database).collection<ProjectDocument>(collection);

answerParent({
  async create(argument) {
    const { projectIds } = createSchema.parse(argument);
    // The name that the assets show already: their creation leaves nothing to do.
    await projects.insertMany(projectIds.map((id) => ({ _id: new ObjectId(id), name: seededName, likes: 0 })));
  },
  async delete(argument) {
    const { projectId, renameFirst } = deleteSchema.parse(argument);
    if (renameFirst !== null) {
      const update = { $set: { name: renameFirst.name, updatedBy: 'user-17' } };
      await projects.bulkWrite(
        renameFirst.projectIds.map((id) => ({ updateOne: { filter: { _id: new ObjectId(id) }, update } })),
      );
    }
    await projects.deleteOne({ _id: new ObjectId(projectId) });
    const acknowledgedAt = machineMs();
    await afterDeletion(firestore, projectId);
    return { acknowledgedAt };
  },
  // Node gives kibibytes: https://nodejs.org/api/process.html#processresourceusage
  peakRss: () => process.resourceUsage().maxRSS * 1_024,
});
