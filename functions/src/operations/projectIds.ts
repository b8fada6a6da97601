import { z } from 'zod';
import { projectIdProblem } from '../events/projectId.ts';
import { maxProjectIds } from '../events/reconciliationRequest.ts';

/** The id of a project, as an input names it. */
export const projectIdInput = z.string().superRefine((id, context) => {
  const problem = projectIdProblem(id);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: `is not a project id: ${problem}` });
});

/** Some projects by their ids. */
export const projectIdsInput = z.array(projectIdInput).min(1).max(maxProjectIds);

/** Adds an issue unless exactly one of some fields is given. */
export function exactlyOneOf<Name extends string>(
  names: readonly Name[],
): (input: Readonly<Partial<Record<Name, unknown>>>, context: z.RefinementCtx) => void {
  return (input, context) => {
    const given = names.filter((name) => input[name] !== undefined);
    if (given.length === 1) return;
    const expected = `expected exactly one of: ${names.join(', ')}`;
    context.addIssue({ code: 'custom', path: [given[1] ?? names[0] ?? ''], message: expected });
  };
}
