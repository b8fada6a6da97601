import { z } from 'zod';
import { type Control, controlRef, type Pausable, parseControl, pauseOf } from '../control/control.ts';
import {
  defineOperation,
  type OperationContext,
  OperationRefusedError,
  type Outcome,
  type Preview,
} from './operation.ts';

const input = z
  .strictObject({
    what: z.enum(['relay', 'deletions', 'collection']),
    /** Name of the collection, as in lockstep.config.ts. */
    collection: z.string().optional(),
  })
  .superRefine(({ what, collection }, context) => {
    if ((what === 'collection') === (collection !== undefined)) return;
    const message = what === 'collection' ? 'expected the name of a collection' : `belongs to a pause of a collection`;
    context.addIssue({ code: 'custom', path: ['collection'], message });
  });

type Input = z.output<typeof input>;

const meanings: Readonly<Record<Input['what'], string>> = {
  relay: 'changes wait in MongoDB, no longer than its oplog reaches back',
  deletions: 'deleted projects keep their assets meanwhile',
  collection: 'its assets stay as they are meanwhile',
};

export const pause = defineOperation({
  name: 'pause',
  role: 'operator',
  changes: true,
  summary: 'Pauses the relay, all deletions, or the work on one collection, within five seconds.',
  input,
  async preview(context, given) {
    const paused = pauseOf(await currentControl(context), pausable(context, given));
    return previewOf(given, paused === undefined, paused && `by ${paused.by}: ${paused.reason}`);
  },
  act: (context, given) =>
    change(context, pausable(context, given), 'paused', (control, what) => {
      if (pauseOf(control, what) !== undefined) return undefined;
      const since = context.clock.now();
      return { paused: [...control.paused, { what, by: context.actor.name, reason: context.reason, since }] };
    }),
});

export const resume = defineOperation({
  name: 'resume',
  role: 'operator',
  changes: true,
  summary: 'Lets the relay, deletions, or the work on one collection go on; what has waited is done.',
  input,
  async preview(context, given) {
    // A collection that is not configured any more can still be resumed.
    const paused = pauseOf(await currentControl(context), nameOf(given));
    return previewOf(given, paused !== undefined, paused ? `by ${paused.by}: ${paused.reason}` : 'no');
  },
  act: (context, given) =>
    change(context, nameOf(given), 'resumed', (control, what) =>
      pauseOf(control, what) === undefined ? undefined : { paused: control.paused.filter((one) => one.what !== what) },
    ),
});

function nameOf({ what, collection }: Input): Pausable {
  return what === 'collection' ? `collection:${collection ?? ''}` : what;
}

function pausable({ config }: OperationContext, given: Input): Pausable {
  const known = config.collections.map(({ name }) => name);
  if (given.collection !== undefined && !known.includes(given.collection)) {
    throw new OperationRefusedError(
      `"${given.collection}" is not in lockstep.config.ts; there are: ${known.join(', ')}`,
      'input.collection',
    );
  }
  return nameOf(given);
}

async function currentControl({ firestore }: OperationContext): Promise<Control> {
  const ref = controlRef(firestore);
  return parseControl(ref.path, (await ref.get()).data());
}

function previewOf({ what, collection }: Input, changes: boolean, paused: string | undefined): Preview {
  return {
    count: changes ? 1 : 0,
    what: collection === undefined ? `pause of ${what}` : `pause of collection ${collection}`,
    details: [
      { name: 'while paused', value: meanings[what] },
      ...(paused === undefined ? [] : [{ name: 'paused now', value: paused }]),
    ],
  };
}

async function change(
  { firestore, transact }: OperationContext,
  what: Pausable,
  result: 'paused' | 'resumed',
  next: (control: Control, what: Pausable) => Control | undefined,
): Promise<Outcome> {
  const ref = controlRef(firestore);
  const { value, sequence } = await transact(async (transaction, trace) => {
    const before = parseControl(ref.path, (await transaction.get(ref)).data());
    const after = next(before, what);
    if (after === undefined) return 0;
    transaction.set(ref, { paused: after.paused.map((one) => ({ ...one })) });
    const listed = ({ paused }: Control) => ({ paused: paused.map((one) => one.what) });
    trace.record({ target: what, before: listed(before), after: listed(after), result });
    return 1;
  });
  const said = value === 0 ? `was ${result} before` : result;
  return { result: `${what}: ${said}`, count: value, sequence, jobId: null };
}
