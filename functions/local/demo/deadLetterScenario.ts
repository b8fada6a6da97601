import { ObjectId } from 'mongodb';
import type { Scenario } from './world.ts';

/** Messages that no retry repairs. The same message is kept once only, so those of each run are different. */
const poison = (run: string) => [
  { data: `this is not JSON: ${run}`, says: /not JSON/ },
  { data: JSON.stringify({ specversion: 2, type: 'ProjectMerged', run }), says: /specversion/ },
  {
    data: JSON.stringify({
      specversion: 1,
      id: '../../users/admin:00000000000000000000',
      type: 'ProjectDeleted',
      projectId: '../../users/admin',
      version: '00000000000000000000',
      occurredAt: '2026-11-22T12:00:00Z',
      origin: { service: 'someone', channel: run },
    }),
    says: /must not contain "\/"/,
  },
];

export const deadLetterScenario: Scenario = {
  title: 'dead letters',
  async run(world) {
    const failures = world.firestore.collection('syncFailures');
    const before = await world.observer.countOf(failures);
    const messages = poison(new ObjectId().toHexString());
    for (const { data } of messages) await world.events.publish({ data: Buffer.from(data), attributes: {} });
    const next = await world.createProject({
      storyboards: 1,
      panels: 0,
      analyses: 0,
      media: 0,
      prototypes: 0,
      scenes: 0,
    });
    await world.observer.until(
      'the dead letters to be kept',
      async () => (await world.observer.countOf(failures)) === before + messages.length,
    );
    const kept = (await failures.get()).docs;
    const rows = messages.map(({ data, says }) => {
      const failure = kept.find((document) => document.get('preview') === data);
      const error = String(failure?.get('error') ?? 'missing');
      return {
        what: `dead letter: ${data.length > 24 ? `${data.slice(0, 23)}…` : data}`,
        expected: 'kept with its error',
        mongodb: '',
        firestore: error.length > 60 ? `${error.slice(0, 59)}…` : error,
        passed: says.test(error) && failure?.get('status') === 'dead',
      };
    });
    const count = await world.observer.count(next.projectId);
    return [
      ...rows,
      {
        what: 'the message after them',
        expected: 'is served',
        mongodb: `name ${JSON.stringify(next.name)}`,
        firestore: `${count} assets`,
        passed: count === 1,
      },
    ];
  },
};
