import { z } from 'zod';
import { noBody, type Route } from './route.ts';
import { problemView } from './views/common.ts';

type Json = z.output<ReturnType<typeof z.json>>;

/** The OpenAPI 3.1 document of the routes (https://spec.openapis.org/oas/v3.1.1.html), from the schemas that check
 *  their requests. */
export function openApiOf(routes: readonly Route[]): Json {
  const paths = Object.groupBy(routes, ({ path }) => path);
  return z.json().parse({
    openapi: '3.1.1',
    info: {
      title: 'Lockstep: the operations room',
      version: '1',
      description: 'Every list is opaque about its cursors; every refusal is a problem as RFC 9457 has it.',
    },
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, ofPath = []]) => [
        path,
        Object.fromEntries(ofPath.map((route) => [route.method.toLowerCase(), operationOf(route)])),
      ]),
    ),
    components: {
      securitySchemes: {
        firebase: { type: 'http', scheme: 'bearer', bearerFormat: 'Firebase ID token with the claim `lockstep`' },
      },
      schemas: { Problem: schemaOf(problemView, 'output') },
    },
  });
}

function operationOf(route: Route) {
  const { method, path, summary, role, params, query, body, documentedBody } = route;
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[/{}.-]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(role !== null && { description: `Takes the role ${role}.` }),
    security: role === null ? [] : [{ firebase: [] }],
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query'), ...headersOf(route)],
    ...(body !== noBody && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(documentedBody ?? body, 'input') } },
      },
    }),
    responses: {
      200: { description: 'As asked.', content: contentOf(route) },
      ...(method === 'GET' && { 304: { description: 'Nothing has changed since the given ETag.' } }),
      default: {
        description: 'Refused or failed; nothing was changed unless the detail says so.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function contentOf({ answer, contentTypes }: Route) {
  return {
    ...(answer !== null && { 'application/json': { schema: schemaOf(answer, 'output') } }),
    ...Object.fromEntries(contentTypes.map((type) => [type, { schema: { type: 'string' } }])),
  };
}

function parametersOf(schema: z.ZodObject, where: 'path' | 'query') {
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: where,
    required: where === 'path' || !z.safeParse(field, undefined).success,
    schema: schemaOf(field, 'input'),
  }));
}

function headersOf({ method, changes }: Route) {
  const header = (name: string, description: string) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  });
  return [
    ...(method === 'GET' ? [header('If-None-Match', 'The ETag of an earlier answer.')] : []),
    ...(changes ? [header('Idempotency-Key', 'The same key with the same body gets the same answer.')] : []),
  ];
}

function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output') {
  // The dialect is that of the document, https://spec.openapis.org/oas/3.1/dialect/base
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return json;
}
