import type { z } from 'zod';
import { ApiProblem, type FieldProblem } from './problem.ts';

/** Parses a part of a request.
 *  @throws ApiProblem that names every field that is wrong, also those that nobody knows. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidInput(result.error.issues.flatMap(fieldProblems));
}

/** @throws nothing; makes the problem of some fields. */
export function invalidInput(errors: readonly FieldProblem[]): ApiProblem {
  const detail = errors.map(({ field, problem }) => `${field}: ${problem}`).join('; ');
  return new ApiProblem('invalid-input', `${detail}. Nothing was changed.`, { errors });
}

/** The values of a query, each given once.
 *  @throws ApiProblem */
export function queryValues(search: URLSearchParams): Record<string, string> {
  const twice = [...new Set(search.keys())].filter((name) => search.getAll(name).length > 1);
  if (twice.length > 0) throw invalidInput(twice.map((field) => ({ field, problem: 'given more than once' })));
  return Object.fromEntries(search);
}

/** The problems of one issue of zod; `input.projectIds[1]` is the path of a nested field. */
export function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  const path = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: pathText([...issue.path, key]) || '""', problem: 'is not known here' }));
  }
  const problem = issue.message.replace(/^Invalid (input|option|string): /, '');
  return [{ field: path || 'body', problem }];
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
