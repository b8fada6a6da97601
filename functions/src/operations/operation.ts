import type { Firestore } from 'firebase-admin/firestore';
import type { z } from 'zod';
import type { Actor } from '../audit/entry.ts';
import type { Transact } from '../audit/trace.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/defineConfig.ts';
import type { Log } from '../log.ts';
import type { PublisherTo } from './outbox.ts';

export type Role = Actor['role'];

/** What operations need from outside; made once per process. */
export interface OperationServices {
  readonly firestore: Firestore;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly uniqueId: () => string;
  readonly publisherTo: PublisherTo;
  /** How long the record of a decided dead letter or job is kept, in ms. */
  readonly retentionMs: number;
}

/** What became of one of many that an operation is about. */
export interface Item {
  /** Such as a project id or the id of a dead letter. */
  readonly target: string;
  readonly kind: 'done' | 'nothing-to-do' | 'not-found' | 'skipped' | 'failed';
  /** In words. */
  readonly text: string;
  /** Facts for machines. */
  readonly details?: Readonly<Record<string, string | number | null>>;
  /** What it failed with. */
  readonly error?: unknown;
}

/** What one call of an operation works with. */
export interface OperationContext extends OperationServices {
  readonly actor: Actor;
  readonly reason: string;
  /** No new piece of work begins after this time, ms since 1970. */
  readonly deadline: number;
  /** Runs a transaction together with its audit entry and its messages. */
  readonly transact: Transact;
  /** Called for each of many as soon as it is decided. */
  readonly onItem: (item: Item) => void | Promise<void>;
}

/** What an operation would do. */
export interface Preview {
  /** Projects, dead letters, holds or alerts that it would touch. */
  readonly count: number;
  /** What they are, in words. */
  readonly what: string;
  /** Whether their number moves by itself: they are named by nobody, and come and go meanwhile. Default: no. */
  readonly moves?: boolean;
  readonly details: readonly { readonly name: string; readonly value: string | number }[];
}

/** What an operation did. */
export interface Outcome {
  /** In words. */
  readonly result: string;
  readonly count: number;
  /** Of its (last) audit entry; null when nothing was left to do. */
  readonly sequence: number | null;
  /** Where its work can be followed. */
  readonly jobId: string | null;
}

/** What the definition of an operation says. */
export interface OperationDefinition<Schema extends z.ZodType> {
  /** As in the address of the API and in the audit. */
  readonly name: string;
  /** What it takes at least. */
  readonly role: Role;
  /** Whether it changes anything. One that does not leaves no trace. */
  readonly changes: boolean;
  /** One sentence for people. */
  readonly summary: string;
  readonly input: Schema;
  preview(context: OperationContext, input: z.output<Schema>): Promise<Preview>;
  /** Doing it again does no harm.
   *  @param counted what was counted and confirmed: of what the input does not name one by one, no more are touched.
   *  @throws OperationRefusedError when it cannot be done now, and nothing was changed. */
  act(context: OperationContext, input: z.output<Schema>, counted: number): Promise<Outcome>;
}

/** A field of an input and what is wrong with it. */
export interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}

/** An operation with an input that it accepts. */
export interface ReadyOperation {
  preview(context: OperationContext): Promise<Preview>;
  act(context: OperationContext, counted: number): Promise<Outcome>;
}

/** An operation, whatever its input: what API, page and command line do, in one list (`all.ts`). */
export interface Operation extends Pick<OperationDefinition<z.ZodType>, 'name' | 'role' | 'changes' | 'summary'> {
  readonly input: z.ZodType;
  /** Reads an input of unknown origin. */
  ready(input: unknown): ReadyOperation | { readonly errors: readonly FieldProblem[] };
}

/** It cannot be done now, and nothing was changed; the message says why and what to do. `field` names the part of the
 *  input that is at odds with what there is. */
export class OperationRefusedError extends Error {
  readonly field: string | undefined;
  constructor(message: string, field?: string) {
    super(message);
    this.name = 'OperationRefusedError';
    this.field = field;
  }
}

export function defineOperation<Schema extends z.ZodType>(definition: OperationDefinition<Schema>): Operation {
  const { name, role, changes, summary, input: schema } = definition;
  return {
    name,
    role,
    changes,
    summary,
    input: schema,
    ready(input) {
      const parsed = schema.safeParse(input);
      if (!parsed.success) return { errors: fieldProblems('input', parsed.error) };
      return {
        preview: (context) => definition.preview(context, parsed.data),
        act: (context, counted) => definition.act(context, parsed.data, counted),
      };
    },
  };
}

/** What is wrong with an input, by field: `input.projectIds[1]`. */
export function fieldProblems(root: string, { issues }: z.ZodError): FieldProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    if (issue.code !== 'unrecognized_keys') return [{ field: `${root}${path}`, problem: issue.message }];
    return issue.keys.map((key) => ({ field: `${root}${path}.${key}`, problem: 'is not known' }));
  });
}
