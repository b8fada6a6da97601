import { z } from 'zod';

const orPlatformDefault = z.number().nullable();

/** What a function looks like in the manifest. Strict: what stands in no column of the tables below must be as it is
 *  here. `null` sets a value back to the platform's default. */
const endpointSchema = z.strictObject({
  platform: z.literal('gcfv2'),
  omit: z.string().optional(),
  entryPoint: z.string(),
  labels: z.strictObject({}),
  ingressSettings: z.null(),
  vpc: z.null(),
  region: z.string(),
  serviceAccountEmail: z.string(),
  secretEnvironmentVariables: z.array(z.strictObject({ key: z.string() })).optional(),
  availableMemoryMb: orPlatformDefault,
  timeoutSeconds: orPlatformDefault,
  cpu: z.number().optional(),
  concurrency: orPlatformDefault,
  minInstances: orPlatformDefault,
  maxInstances: orPlatformDefault,
  eventTrigger: z
    .strictObject({
      eventType: z.literal('google.cloud.pubsub.topic.v1.messagePublished'),
      eventFilters: z.strictObject({ topic: z.string() }),
      retry: z.boolean(),
    })
    .optional(),
  scheduleTrigger: z
    .strictObject({ schedule: z.string(), retryConfig: z.strictObject({ retryCount: z.number() }) })
    .optional(),
  httpsTrigger: z.strictObject({ invoker: z.array(z.string()) }).optional(),
});

const choicesSchema = z.strictObject({
  select: z.strictObject({ options: z.array(z.strictObject({ value: z.string() })) }),
});

const manifestSchema = z.strictObject({
  specVersion: z.literal('v1alpha1'),
  endpoints: z.record(z.string(), endpointSchema),
  params: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      default: z.union([z.string(), z.number()]).optional(),
      description: z.string().optional(),
      input: choicesSchema.optional(),
    }),
  ),
  requiredAPIs: z.array(z.strictObject({ api: z.string(), reason: z.string() })),
  extensions: z.strictObject({}),
});

type Endpoint = z.infer<typeof endpointSchema>;

/** Renders a manifest as tables for people. Whatever changes in it changes them, but for the wording of descriptions.
 *  @throws ZodError for what no table has a place for */
export function manifestTables(manifest: unknown): string {
  const { endpoints, params, requiredAPIs } = manifestSchema.parse(manifest);
  const functions = Object.entries(endpoints).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    table(
      ['function', 'trigger', 'delivery', 'account', 'secrets', 'region'],
      functions.map(([name, endpoint]) => [
        endpoint.entryPoint.replaceAll('.', '-') === name ? name : `${name} (${endpoint.entryPoint})`,
        ...trigger(endpoint),
        endpoint.serviceAccountEmail,
        (endpoint.secretEnvironmentVariables ?? []).map(({ key }) => key).join(', '),
        inParams(endpoint.region),
      ]),
    ),
    table(
      ['function', 'seconds', 'MiB', 'CPU', 'at once', 'min', 'max'],
      functions.map(([name, endpoint]) => [
        name,
        ...[endpoint.timeoutSeconds, endpoint.availableMemoryMb, endpoint.cpu, endpoint.concurrency],
        ...[endpoint.minInstances, endpoint.maxInstances],
      ]),
    ),
    table(
      ['function', 'omitted'],
      functions.flatMap(([name, { omit }]) => (omit === undefined ? [] : [[name, inParams(omit)]])),
    ),
    table(
      ['parameter', 'type', 'default', 'choices'],
      params.map(({ name, type, default: value, input }) => [
        name,
        type,
        value ?? 'asked for',
        (input?.select.options ?? []).map((option) => option.value).join(', '),
      ]),
    ),
    table(
      ['API', 'why'],
      requiredAPIs.map(({ api, reason }) => [api, reason]),
    ),
  ].join('\n\n');
}

function trigger({ eventTrigger, scheduleTrigger, httpsTrigger }: Endpoint): string[] {
  if ([eventTrigger, scheduleTrigger, httpsTrigger].filter((one) => one !== undefined).length > 1)
    return ['two triggers', ''];
  if (eventTrigger) {
    return [`topic ${inParams(eventTrigger.eventFilters.topic)}`, eventTrigger.retry ? 'until it succeeds' : 'once'];
  }
  if (scheduleTrigger) {
    const { retryCount } = scheduleTrigger.retryConfig;
    return [`schedule ${inParams(scheduleTrigger.schedule)}`, retryCount === 0 ? 'once' : `${retryCount} retries`];
  }
  if (httpsTrigger) return ['requests', `of ${httpsTrigger.invoker.join(' ')}`];
  return ['none', ''];
}

/** `{{ params.NAME }}`, as the manifest refers to a parameter, in short; a comparison stays one. */
function inParams(value: string): string {
  return value.replaceAll(/\{\{ params\.(\w+)((?: [<>=]+ \d+)?) \}\}/g, '$$$1$2');
}

function table(titles: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  const lines = [titles, ...rows.map((row) => row.map((value) => (value === null ? 'default' : String(value ?? ''))))];
  const widths = titles.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((value, index) => value.padEnd(widths[index] ?? 0))
        .join(' | ')
        .trimEnd(),
    )
    .join('\n');
}
