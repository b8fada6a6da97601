// What others read of the API: its OpenAPI document and its metrics.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { openApiOf } from '../../src/api/openApi.ts';
import { openMetrics, openMetricsType } from '../../src/api/openMetrics.ts';
import { noBody } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import type { NowView } from '../../src/api/views/now.ts';
import { operations } from '../../src/operations/all.ts';

const schemaObject = z.looseObject({});
const content = z.record(z.string(), z.strictObject({ schema: schemaObject }));

/** The structure that the specification asks for, of the parts that are used:
 *  https://spec.openapis.org/oas/v3.1.1.html */
const documentSchema = z.strictObject({
  openapi: z.literal('3.1.1'),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(
    z.string().startsWith('/api/'),
    z.partialRecord(
      z.enum(['get', 'post']),
      z.strictObject({
        operationId: z.string().regex(/^[a-zA-Z]+$/),
        summary: z.string().min(5),
        description: z.string().optional(),
        security: z.array(z.strictObject({ firebase: z.tuple([]) })),
        parameters: z.array(
          z.strictObject({
            name: z.string(),
            in: z.enum(['path', 'query', 'header']),
            required: z.boolean(),
            description: z.string().optional(),
            schema: schemaObject,
          }),
        ),
        requestBody: z.strictObject({ required: z.literal(true), content }).optional(),
        responses: z
          .record(
            z.string().regex(/^([1-5]\d\d|default)$/),
            z.strictObject({ description: z.string(), content: content.optional() }),
          )
          .refine((responses) => 'default' in responses && '200' in responses),
      }),
    ),
  ),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.looseObject({ type: z.literal('http'), scheme: z.literal('bearer') })),
    schemas: z.record(z.string(), schemaObject),
  }),
});

describe('the OpenAPI document', () => {
  const document = documentSchema.parse(JSON.parse(JSON.stringify(openApiOf(routes))));
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

  it('has every route, with its parameters and its body, and ids that are unique', () => {
    assert.deepEqual(
      described.map(({ path, method }) => `${method} ${path}`).sort(),
      routes.map(({ path, method }) => `${method} ${path}`).sort(),
    );
    assert.equal(new Set(described.map(({ operation }) => operation?.operationId)).size, routes.length);
    for (const route of routes) {
      const operation = document.paths[route.path]?.[route.method === 'GET' ? 'get' : 'post'];
      assert.ok(operation, route.path);
      const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
      assert.deepEqual(
        inPath.map(({ name, required }) => [name, required]),
        [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
      );
      assert.equal(operation.requestBody !== undefined, route.body !== noBody);
      assert.equal(operation.security.length, route.role === null ? 0 : 1);
    }
  });

  it('refers to nothing that it does not have, and names every operation’s input', () => {
    const text = JSON.stringify(document);
    for (const [, name = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(name in document.components.schemas, name);
    }
    assert.deepEqual(
      [...text.matchAll(/"\$ref":"([^"]*)"/g)].filter(([, ref = '']) => !ref.startsWith('#/components/schemas/')),
      [],
    );
    for (const { name } of operations) {
      const body = document.paths[`/api/operations/${name}`]?.post?.requestBody?.content['application/json']?.schema;
      const input = z.looseObject({ properties: z.looseObject({ input: z.looseObject({}) }) }).parse(body);
      assert.ok(Object.keys(input.properties.input).length > 0, name);
    }
  });

  it('says of measures that a range is needed, and which there are', () => {
    const range = document.paths['/api/measures']?.get?.parameters.find(({ name }) => name === 'range');
    assert.deepEqual([range?.required, range?.schema.enum], [true, ['hour', 'day', 'month']]);
  });
});

describe('metrics', () => {
  const now: NowView = {
    at: 0,
    mode: 'live',
    summary: '',
    inStep: true,
    relay: { state: 'running', holder: 'x', place: null, lagMs: null, renewedAt: null, shards: [] },
    backlog: 3,
    running: [],
    openAlerts: [],
    hasMoreAlerts: false,
    holds: 2,
    deadLetters: 0,
    paused: [{ what: 'collection:a "quoted"\nname\\', by: '', reason: '', since: 0 }],
    targets: [
      { name: 'relay-lag', goal: 300_000, measured: 1_500, met: true },
      { name: 'progress', goal: 900_000, measured: null, met: false },
    ],
  };

  /** https://prometheus.io/docs/specs/om/open_metrics_spec/#abnf, of gauges. */
  const line =
    /^(# (TYPE|HELP|UNIT) [a-z_:]+ .*|[a-z_:]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\})? -?\d+(\.\d+)?(e[+-]?\d+)?|# EOF)$/;

  it('parse as OpenMetrics: every line, each name described once and before its values, the end at the end', async () => {
    const text = await openMetrics(now);
    assert.match(openMetricsType, /application\/openmetrics-text; version=1\.0\.0/);
    assert.ok(text.endsWith('# EOF\n'));
    const described = new Set<string>();
    for (const one of text.trimEnd().split('\n')) {
      assert.match(one, line);
      const type = /^# TYPE (\S+) gauge$/.exec(one)?.[1];
      if (type !== undefined) {
        assert.ok(!described.has(type));
        described.add(type);
      } else if (!one.startsWith('#')) assert.ok(described.has(/^[a-z_:]+/.exec(one)?.[0] ?? ''), one);
    }
  });

  it('say what is known, and nothing of what is not', async () => {
    const lines = (await openMetrics(now)).split('\n');
    for (const expected of [
      'lockstep_in_step 1',
      'lockstep_holds 2',
      'lockstep_dead_letters 0',
      'lockstep_backlog 3',
      'lockstep_target_measured_seconds{target="relay-lag"} 1.5',
      'lockstep_target_met{target="progress"} 0',
    ]) {
      assert.ok(lines.includes(expected), `${expected} is not in\n${lines.join('\n')}`);
    }
    assert.ok(!lines.some((one) => /^lockstep_relay_lag_seconds( |\{)/.test(one)), 'an unknown lag is shown');
    assert.ok(!lines.some((one) => /^lockstep_target_measured_seconds\{target="progress"\}/.test(one)));
  });
});
