import { z } from 'zod';
import type { OperationServices } from '../operations/operation.ts';
import type { Role, Session } from './identity/session.ts';
import { parseInput } from './input.ts';
import type { Views } from './readers/views.ts';

/** The body of a GET. */
export const noBody = z.undefined();

/** What a handler may use. */
export interface RouteContext {
  readonly views: Views;
  readonly session: Session;
  readonly operations: () => Promise<OperationServices>;
  /** The OpenAPI document of all routes. */
  readonly document: () => unknown;
}

/** What a handler comes to; the router turns it into a response. */
export type Answer<View = unknown> =
  | { readonly kind: 'json'; readonly view: View }
  | { readonly kind: 'text'; readonly contentType: string; readonly text: string; readonly fileName?: string }
  | { readonly kind: 'lines'; readonly contentType: string; readonly lines: AsyncIterable<string> };

/** The parts of a request, before they are checked. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** One row of the table of routes: the router, the OpenAPI document and the tests of roles are made from it. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** As OpenAPI writes it: `/api/projects/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** The least role; null: anybody, without a token. */
  readonly role: Role | null;
  /** Whether it changes something: then the token's revocation is asked. */
  readonly changes: boolean;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType;
  /** What the document says of the body, where that is more than is checked here. */
  readonly documentedBody?: z.ZodType;
  /** The schema of its JSON; null where it answers something else. */
  readonly answer: z.ZodType | null;
  /** Content types of an answer that is not JSON. */
  readonly contentTypes: readonly string[];
  /** Checks the input and handles the request.
   *  @throws ApiProblem */
  run(raw: RawInput, context: RouteContext): Promise<Answer>;
}

interface RouteSpec<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  View extends z.ZodType,
> extends Pick<Route, 'method' | 'path' | 'summary' | 'role' | 'documentedBody'> {
  readonly changes?: boolean;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly answer: View | null;
  readonly contentTypes?: readonly string[];
  handle(
    input: {
      readonly params: z.output<Params>;
      readonly query: z.output<Query>;
      readonly body: z.output<Body>;
    },
    context: RouteContext,
  ): Promise<Answer<z.input<View>>>;
}

/** A row of the table; its schemas give its handler the types. */
export function route<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  View extends z.ZodType,
>(spec: RouteSpec<Params, Query, Body, View>): Route {
  const { params, query, body, handle, changes = false, contentTypes = [], ...rest } = spec;
  return {
    ...rest,
    params,
    query,
    body,
    changes,
    contentTypes,
    run(raw, context) {
      const input = {
        params: parseInput(params, raw.params),
        query: parseInput(query, raw.query),
        body: parseInput(body, raw.body),
      };
      return handle(input, context);
    },
  };
}
