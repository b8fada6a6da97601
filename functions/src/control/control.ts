import type { DocumentReference, Firestore } from 'firebase-admin/firestore';
import { z } from 'zod';
import { type Clock, secondMs } from '../clock.ts';
import { recordCollections } from '../config/defineConfig.ts';

/** What can be paused: the relay, all deletions, or the work on one collection. */
export type Pausable = 'relay' | 'deletions' | `collection:${string}`;

const pauseSchema = z.object({
  what: z.custom<Pausable>((value) => typeof value === 'string' && /^(relay|deletions|collection:.+)$/.test(value)),
  by: z.string(),
  reason: z.string(),
  /** In ms since 1970. */
  since: z.number(),
});

/** Something that a person has paused. */
export type Pause = z.output<typeof pauseSchema>;

/** What people have decided about the whole: `syncControl/state`. */
export interface Control {
  readonly paused: readonly Pause[];
}

const controlSchema = z.looseObject({ paused: z.array(pauseSchema) });

/** The record of what is paused cannot be read, so nobody knows what may be done. */
export class ControlError extends Error {
  constructor(path: string, problem: string) {
    super(
      `${path} cannot be read (${problem}), so it is not known what is paused, and nothing goes on. Repair it, or ` +
        'remove it: then nothing is paused.',
    );
    this.name = 'ControlError';
  }
}

export function controlRef(firestore: Firestore): DocumentReference {
  return firestore.collection(recordCollections.control).doc('state');
}

/** Reads the record; a missing one pauses nothing.
 *  @throws ControlError */
export function parseControl(path: string, data: unknown): Control {
  if (data === undefined) return { paused: [] };
  const parsed = controlSchema.safeParse(data);
  if (!parsed.success) throw new ControlError(path, z.prettifyError(parsed.error).replaceAll('\n', ' '));
  return { paused: parsed.data.paused };
}

/** The pause of something; undefined when it goes on. */
export function pauseOf({ paused }: Control, what: Pausable): Pause | undefined {
  return paused.find((pause) => pause.what === what);
}

/** Tells what is paused. */
export interface ControlReader {
  /** No older than a few seconds.
   *  @throws ControlError, and what Firestore answered. */
  read(): Promise<Control>;
}

/** How long an answer is used, in ms: a pause takes hold within this time, and costs each process one read in it. */
export const controlCacheMs = 5 * secondMs;

/** Reads the control record, at most once in `controlCacheMs`. */
export function createControlReader(firestore: Firestore, clock: Clock): ControlReader {
  let known: { readonly at: number; readonly control: Promise<Control> } | undefined;
  const ref = controlRef(firestore);
  return {
    read() {
      const now = clock.now();
      if (known !== undefined && now >= known.at && now - known.at < controlCacheMs) return known.control;
      const control = ref.get().then((snapshot) => parseControl(ref.path, snapshot.data()));
      const reading = { at: now, control };
      known = reading;
      control.catch(() => {
        // The next call asks anew; this one's caller gets the error.
        if (known === reading) known = undefined;
      });
      return control;
    },
  };
}
