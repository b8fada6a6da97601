import type { Scenario } from './world.ts';

/** Projects that are deleted by mistake. */
const victims = 300;

/** Assets that each of them has. */
const assetsEach = 100;

/** A deleteMany with the wrong filter: after so many projects the deletions are held, and the assets wait for a person
 *  to decide. */
export const massDeletionScenario: Scenario = {
  title: `a mistaken deleteMany of ${victims} projects`,
  async run(world) {
    const { observer, firestore } = world;
    const found = await world.projects
      .find({ updatedBy: 'seed' }, { projection: { _id: 1 } })
      .limit(victims)
      .toArray();
    const ids = found.map(({ _id }) => _id);
    const before = new Date();
    const learned = firestore.collection('syncProjects').where('deletedAt', '>=', before);
    const held = firestore.collection('syncJobs').where('status', '==', 'held');
    const assets = async () => {
      const counts = await Promise.all(ids.map((id) => observer.count(String(id))));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await world.projects.deleteMany({ _id: { $in: ids } });
    await observer.until('every deletion to be known', async () => (await observer.countOf(learned)) === ids.length);
    await observer.until('each to be carried out or held', async () => {
      const waiting = await observer.countOf(held);
      return waiting > 0 && (await assets()) === waiting * assetsEach;
    });
    const heldCount = await observer.countOf(held);
    const left = await assets();
    return [
      {
        what: `a mistaken deleteMany of ${victims} projects`,
        expected: 'held after the first few, their assets stay',
        mongodb: `${await world.projects.countDocuments({ _id: { $in: ids } })} of ${ids.length} projects`,
        firestore: `${heldCount} deletions held, ${left} of ${ids.length * assetsEach} assets there`,
        passed: heldCount >= victims / 2 && left === heldCount * assetsEach,
      },
    ];
  },
};
