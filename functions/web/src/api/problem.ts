import type { ProblemView } from '../../../src/api/views/common.ts';

/** What went wrong, and what a person does next. */
export interface Problem {
  /** HTTP status; 0 when the API was not reached. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly next: string;
  readonly fields: readonly { readonly field: string; readonly problem: string }[];
}

/** The API could not be reached, or its answer could not be read. */
export function unreachable(error: unknown): Problem {
  return {
    status: 0,
    title: 'The API cannot be reached',
    detail: error instanceof Error ? error.message : String(error),
    next: 'Check the network. Screens are read again by themselves; try anything else again: twice does no harm.',
    fields: [],
  };
}

/** Makes the best of an answer that is not a success, whoever sent it: the API, or something in front of it. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: Partial<ProblemView> = await response.json().catch(() => ({}));
  return {
    status: response.status,
    title: body.title ?? `The API answered with status ${response.status}`,
    detail: body.detail ?? response.statusText,
    next: nextStep(response),
    fields: body.errors ?? [],
  };
}

function nextStep(response: Response): string {
  const { status } = response;
  if (status === 401) return 'Sign in again.';
  if (status === 403)
    return 'Ask whoever runs Lockstep for the role; it is granted with: npm --prefix functions run roles';
  if (status === 404) return 'It may have been removed when its retention ended. Go back to the list.';
  if (status === 409 || status === 412) return 'It changed meanwhile. Preview again and decide on what is there now.';
  if (status === 400 || status === 422) return 'Correct what is named and preview again. Nothing was changed.';
  if (status === 429) return `Too many requests. Wait ${response.headers.get('retry-after') ?? 'a few'} seconds.`;
  return 'Try again. If it stays, read the log of the function "operations".';
}
