import type { AssetCounts, Member } from './seedData.ts';
import type { Row } from './table.ts';
import type { DemoProject, Scenario, World } from './world.ts';

const counts: AssetCounts = { storyboards: 2, panels: 3, analyses: 2, media: 4, prototypes: 1, scenes: 0 };

/** Of all of these the list of members is copied. */
const copies = counts.storyboards + counts.analyses + counts.media + counts.prototypes;

const newcomer: Member = { userId: 'user-5', name: 'Aiko Tanabe', role: 'viewer' };

/** Changes the members in MongoDB, and waits until every copy shows them as they are there. */
async function change(world: World, { id, projectId }: DemoProject, what: string, update: object): Promise<Row> {
  const shown = async () => {
    const found = await world.projects.findOne({ _id: id });
    return { members: found?.members, count: await world.observer.countShowing(projectId, 'members', found?.members) };
  };
  const measured = await world.measure(
    () => world.projects.updateOne({ _id: id }, update),
    `every copy of the members to follow: ${what}`,
    async () => (await shown()).count === copies,
  );
  const { members, count } = await shown();
  return {
    what,
    expected: `${copies} copies of the list follow`,
    mongodb: textOf(members),
    firestore: `${count} copies show it`,
    passed: count === copies,
    ...measured,
  };
}

/** `Mara Okafor (owner), …` */
function textOf(members: unknown): string {
  if (!Array.isArray(members)) return 'no members';
  return members.map(({ name, role }: Member) => `${name.split(' ')[0]} (${role})`).join(', ');
}

/** The list of members is copied as a whole, whatever changes in it. */
export const memberScenario: Scenario = {
  title: 'members come, get another role, and go',
  async run(world) {
    const project = await world.createProject(counts);
    return [
      await change(world, project, 'a member joins', { $push: { members: newcomer } }),
      await change(world, project, 'a member gets another role', { $set: { 'members.2.role': 'editor' } }),
      await change(world, project, 'a member leaves', { $pull: { members: { userId: 'user-3' } } }),
    ];
  },
};
