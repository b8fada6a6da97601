import type { ProblemView } from './views/common.ts';

/** Kinds of problems; the last part of a problem's `type`. */
export type ProblemKind =
  | 'invalid-input'
  | 'not-signed-in'
  | 'not-allowed'
  | 'unknown-route'
  | 'method-not-allowed'
  | 'not-found'
  | 'conflict'
  | 'needs-confirmation'
  | 'body-too-large'
  | 'unsupported-body'
  | 'too-many-requests'
  | 'failed'
  | 'unavailable';

export interface FieldProblem {
  /** As the caller wrote it: `cursor`, `input.mode`. */
  readonly field: string;
  readonly problem: string;
}

const titles: Readonly<Record<ProblemKind, readonly [status: number, title: string]>> = {
  'invalid-input': [400, 'The request is not valid'],
  'not-signed-in': [401, 'Not signed in'],
  'not-allowed': [403, 'Not allowed'],
  'unknown-route': [404, 'There is no such route'],
  'method-not-allowed': [405, 'The route has another method'],
  'not-found': [404, 'Not found'],
  conflict: [409, 'Not possible in this state'],
  'needs-confirmation': [409, 'To be confirmed'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-body': [415, 'The body is not JSON'],
  'too-many-requests': [429, 'Too many requests'],
  failed: [500, 'The request failed'],
  unavailable: [503, 'Unavailable'],
};

/** An answer that says what is wrong, as RFC 9457 has it; `detail` says what to do next. */
export class ApiProblem extends Error {
  readonly kind: ProblemKind;
  readonly errors: readonly FieldProblem[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: ProblemKind,
    detail: string,
    more: {
      readonly errors?: readonly FieldProblem[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = 'ApiProblem';
    this.kind = kind;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }

  get status(): number {
    return titles[this.kind][0];
  }
}

/** A service that is needed did not answer. */
export function unavailable(detail: string, cause: unknown): ApiProblem {
  return new ApiProblem('unavailable', detail, { cause, headers: { 'retry-after': '5' } });
}

/** The answer for a problem: https://www.rfc-editor.org/rfc/rfc9457 */
export function problemResponse(problem: ApiProblem): Response {
  const [status, title] = titles[problem.kind];
  const body: ProblemView = {
    type: `urn:lockstep:problem:${problem.kind}`,
    title,
    status,
    detail: problem.message,
    ...(problem.errors.length > 0 && { errors: [...problem.errors] }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...problem.headers },
  });
}
