import { z } from 'zod';
import type { Operation } from '../operations/operation.ts';
import { previewOperation, type Refusal, runOperation } from '../operations/runOperation.ts';
import type { Session } from './identity/session.ts';
import { invalidInput } from './input.ts';
import { ApiProblem } from './problem.ts';
import { type Route, route } from './route.ts';
import { operationRequest, outcomeView, previewView } from './views/operations.ts';

const nothing = z.strictObject({});

/** A preview needs no reason yet. */
const previewRequest = operationRequest.omit({ confirm: true }).partial({ reason: true });

/** The two routes of each operation: what it would do, and doing it. */
export function operationRoutes(operations: readonly Operation[]): Route[] {
  return operations.flatMap((operation) => {
    const { name, role, changes, summary, input } = operation;
    const shared = { method: 'POST', role, params: nothing, query: nothing } as const;
    return [
      route({
        ...shared,
        path: `/api/operations/${name}/preview`,
        summary: `What this would do, without doing it: ${summary}`,
        body: previewRequest,
        documentedBody: previewRequest.extend({ input }),
        answer: previewView,
        async handle({ body }, { session, operations: services }) {
          const result = await previewOperation(await services(), operation, {
            actor: actorOf(session),
            input: body.input,
          });
          if (result.kind !== 'preview') throw problemOf(result);
          const { count, what, details, needsConfirmation } = result.preview;
          return { kind: 'json', view: { count, what, details: [...details], needsConfirmation } };
        },
      }),
      route({
        ...shared,
        path: `/api/operations/${name}`,
        summary,
        changes,
        body: operationRequest,
        documentedBody: operationRequest.extend({ input }),
        answer: outcomeView,
        async handle({ body }, { session, operations: services }) {
          const result = await runOperation(await services(), operation, { ...body, actor: actorOf(session) });
          if (result.kind !== 'done') throw problemOf(result);
          return { kind: 'json', view: result.outcome };
        },
      }),
    ];
  });
}

function actorOf({ actor: name, role }: Session) {
  return { name, role, via: 'api' } as const;
}

function problemOf(refusal: Refusal): ApiProblem {
  switch (refusal.kind) {
    case 'forbidden':
      return new ApiProblem('not-allowed', refusal.detail);
    case 'invalid':
      return invalidInput(refusal.errors);
    case 'unconfirmed':
      return new ApiProblem('needs-confirmation', refusal.detail, {
        errors: [{ field: 'confirm', problem: `expected ${refusal.count}` }],
      });
    case 'refused':
      return new ApiProblem('conflict', refusal.detail, {
        errors: refusal.field === undefined ? [] : [{ field: refusal.field, problem: refusal.detail }],
      });
  }
}
