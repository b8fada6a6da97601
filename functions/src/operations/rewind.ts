import { z } from 'zod';
import { minuteMs } from '../clock.ts';
import { judgeRewind, openRewind } from '../relay/rewind.ts';
import { readRecords } from '../relay/shards/readRecords.ts';
import { defineOperation, OperationRefusedError } from './operation.ts';

const input = z.strictObject({
  /** In ms since 1970, by MongoDB's clock. */
  to: z.number().int().min(0),
});

const iso = (ms: number) => new Date(ms).toISOString();

/** Has the relay read MongoDB's changes again from a time on. The relay's next run does it, within a minute of its
 *  schedule, or refuses it with the alarm `rewind-refused` when the oplog no longer reaches back so far. */
export const rewind = defineOperation({
  name: 'rewind',
  role: 'operator',
  changes: true,
  summary:
    'Has the relay read MongoDB’s changes again from a time on; events that were applied are known, and change nothing.',
  input,
  async preview({ firestore, config }, { to }) {
    const kept = await readRecords(firestore, config.source, (...refs) => firestore.getAll(...refs));
    const records = kept.map(({ record }) => record);
    const judgement = judgeRewind(records, to);
    if (judgement.kind === 'refused') throw new OperationRefusedError(judgement.problem, 'input.to');
    return {
      count: records.some(({ rewind: asked }) => asked?.to === to) ? 0 : 1,
      what: 'relay, which reads changes again',
      details: [
        { name: 'place now', value: iso(judgement.from) },
        { name: 'back to', value: iso(to) },
        { name: 'again', value: `${Math.ceil((judgement.from - to) / minuteMs)} minutes of changes` },
      ],
    };
  },
  async act({ firestore, config, actor, clock, transact }, { to }) {
    const { value, sequence } = await transact(async (transaction, trace) => {
      const asked = { to, by: actor.name, at: clock.now() };
      const { judgement, replaces, write } = await openRewind({ firestore, source: config.source }, transaction, asked);
      if (judgement.kind === 'refused') throw new OperationRefusedError(judgement.problem, 'input.to');
      if (replaces?.to === to) return 0;
      write();
      const before = replaces === null ? { place: iso(judgement.from) } : { rewind: iso(replaces.to) };
      trace.record({ target: 'relay', before, after: { rewind: iso(to) }, result: 'asked for' });
      return 1;
    });
    const result =
      value === 0
        ? `the relay was asked before to go back to ${iso(to)}`
        : `the relay goes back to ${iso(to)} with its next run`;
    return { result, count: value, sequence, jobId: null };
  },
});
