import type { Actor } from '../audit/entry.ts';
import { secondMs } from '../clock.ts';
import {
  type FieldProblem,
  type Item,
  type Operation,
  type OperationContext,
  OperationRefusedError,
  type OperationServices,
  type Outcome,
  type Preview,
  type ReadyOperation,
  type Role,
} from './operation.ts';
import { createTransact } from './transact.ts';

/** A call of an operation. */
export interface Call {
  readonly actor: Actor;
  /** Why; kept in the audit. */
  readonly reason: unknown;
  readonly input: unknown;
  /** How many the caller expects to touch. */
  readonly confirm?: unknown;
  /** No new piece of work begins after this time, ms since 1970. Default: `defaultBudgetMs` from now. */
  readonly deadline?: number;
  readonly onItem?: (item: Item) => void | Promise<void>;
}

/** Why a call did nothing. */
export type Refusal =
  /** The role of the actor is not enough. */
  | { readonly kind: 'forbidden'; readonly detail: string }
  /** The call is wrong in itself. */
  | { readonly kind: 'invalid'; readonly errors: readonly FieldProblem[] }
  /** More are touched than go without saying, and `confirm` does not say how many. */
  | { readonly kind: 'unconfirmed'; readonly count: number; readonly detail: string }
  /** What is there does not allow it. */
  | { readonly kind: 'refused'; readonly detail: string; readonly field: string | undefined };

export type OperationResult = { readonly kind: 'done'; readonly outcome: Outcome } | Refusal;
export type PreviewResult =
  | { readonly kind: 'preview'; readonly preview: Preview & { readonly needsConfirmation: boolean } }
  | Refusal;

/** So many are touched without asking; above that a person repeats the number. */
export const unconfirmedAtMost = 10;

/** How long a call may take, in ms, when nothing else is said: what is left then is left to the same call made
 *  again. */
const defaultBudgetMs = 45 * secondMs;

const mostReasonLength = 500;

const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1 };

/** Says what an operation would do, and changes nothing.
 *  @throws what Firestore answered. */
export async function previewOperation(
  services: OperationServices,
  operation: Operation,
  call: Omit<Call, 'reason' | 'confirm'>,
): Promise<PreviewResult> {
  const ready = readyFor(operation, call);
  if ('kind' in ready) return ready;
  const previewed = await unlessRefused(() => ready.preview(contextOf(services, operation, call, '')));
  return 'refusal' in previewed
    ? previewed.refusal
    : {
        kind: 'preview',
        preview: { ...previewed.value, needsConfirmation: needsConfirmation(operation, previewed.value) },
      };
}

/** Does an operation: checks role, input, reason and confirmation, acts, and leaves the trace with the effect. Calling
 *  it again does no harm.
 *  @throws what Firestore answered: then part of the work may be done, each part with its trace, and the same call
 *  does the rest. */
export async function runOperation(
  services: OperationServices,
  operation: Operation,
  call: Call,
): Promise<OperationResult> {
  const ready = readyFor(operation, call);
  if ('kind' in ready) return ready;
  const errors: FieldProblem[] = [];
  const reason = typeof call.reason === 'string' ? call.reason.trim().toWellFormed() : '';
  if (reason === '') errors.push({ field: 'reason', problem: 'say why, for the audit' });
  if (reason.length > mostReasonLength) {
    errors.push({ field: 'reason', problem: `expected at most ${mostReasonLength} characters` });
  }
  if (call.confirm !== undefined && !Number.isSafeInteger(call.confirm)) {
    errors.push({ field: 'confirm', problem: 'expected a whole number' });
  }
  if (errors.length > 0) return { kind: 'invalid', errors };
  const context = contextOf(services, operation, call, reason);
  const acted = await unlessRefused(async () => {
    const preview = await ready.preview(context);
    if (!needsConfirmation(operation, preview)) return ready.act(context, preview.count);
    const { confirm } = call;
    if (typeof confirm !== 'number' || !confirms(confirm, preview)) return preview;
    return ready.act(context, Math.min(confirm, preview.count));
  });
  if ('refusal' in acted) return acted.refusal;
  const { value } = acted;
  if ('result' in value) return { kind: 'done', outcome: value };
  const { count, what } = value;
  return { kind: 'unconfirmed', count, detail: `this touches ${count} ${what}; confirm with that number` };
}

function needsConfirmation({ changes }: Operation, { count }: Preview): boolean {
  return changes && count > unconfirmedAtMost;
}

/** By how much of itself a number that moves may differ from the one that was confirmed, where it is a large one: a
 *  flood that has come for two minutes grows by less in the ten seconds that somebody types, and a digit too few or too
 *  many is far more. */
const confirmedShare = 0.1;
const exactUpTo = 100;

/** Whether a number is that of what is there. In a flood the exact one is out of date before it is typed, and nobody
 *  could decide just then; no more are touched than were confirmed. */
function confirms(confirmed: number, { count, moves = false }: Preview): boolean {
  return Math.abs(count - confirmed) <= (moves && count > exactUpTo ? count * confirmedShare : 0);
}

/** Role first: who may not do it does not learn what would be wrong with the input. */
function readyFor(operation: Operation, { actor, input }: Pick<Call, 'actor' | 'input'>): ReadyOperation | Refusal {
  if (rank[actor.role] < rank[operation.role]) {
    return { kind: 'forbidden', detail: `${operation.name} takes the role ${operation.role}; yours is ${actor.role}` };
  }
  const ready = operation.ready(input);
  return 'errors' in ready ? { kind: 'invalid', errors: ready.errors } : ready;
}

function contextOf(
  services: OperationServices,
  { name }: Operation,
  { actor, deadline, onItem = () => undefined }: Omit<Call, 'reason' | 'confirm'>,
  reason: string,
): OperationContext {
  return {
    ...services,
    actor,
    reason,
    deadline: deadline ?? services.clock.now() + defaultBudgetMs,
    transact: createTransact(services, { actor, action: name, reason }),
    onItem,
  };
}

async function unlessRefused<T>(run: () => Promise<T>): Promise<{ readonly value: T } | { readonly refusal: Refusal }> {
  try {
    return { value: await run() };
  } catch (error) {
    if (!(error instanceof OperationRefusedError)) throw error;
    return { refusal: { kind: 'refused', detail: error.message, field: error.field } };
  }
}
