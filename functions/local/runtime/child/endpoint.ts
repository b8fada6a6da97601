import { documentEventKind } from '../../servers/firestore/triggers/documentEvent.ts';
import type { FunctionSpec, Trigger } from '../manifest.ts';
import { isRecord } from './loadBundle.ts';
import { resolveValue } from './params.ts';

// Defaults of the platform for second generation functions: https://firebase.google.com/docs/functions/manage-functions
const defaultTimeoutSeconds = 60;
const defaultMemoryMiB = 256;
/** Less than one CPU serves one request at a time. */
const defaultConcurrency = { wholeCpu: 80, partOfCpu: 1 };

// Defaults of Cloud Scheduler:
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#RetryConfig
const defaultRetryCount = 0;
const defaultMinBackoffSeconds = 5;
const defaultMaxBackoffSeconds = 3600;
const defaultMaxDoublings = 5;
const mostRetries = 5;

/** The only one that databases in native mode have. */
const defaultNamespace = '(default)';

const messagePublished = 'google.cloud.pubsub.topic.v1.messagePublished';

/** How an exported function is run, or the trigger that this runtime has no counterpart for. */
export type DescribedFunction =
  | { readonly kind: 'supported'; readonly spec: FunctionSpec }
  /** Its options say that it is not to be deployed. */
  | { readonly kind: 'omitted' }
  | { readonly kind: 'unsupported'; readonly name: string; readonly trigger: string };

/** Reads the `__endpoint` that firebase-functions attaches for deployments. Parameters must have their values by
 *  now. */
export function describeEndpoint(name: string, endpoint: Readonly<Record<string, unknown>>): DescribedFunction {
  const fields = resolveValue(endpoint);
  if (!isRecord(fields)) throw new Error(`The function ${name} has an __endpoint that is not an object.`);
  if (fields.omit === true) return { kind: 'omitted' };
  if (fields.platform !== 'gcfv2') return { kind: 'unsupported', name, trigger: `platform ${String(fields.platform)}` };
  const trigger = readTrigger(fields);
  if (typeof trigger === 'string') return { kind: 'unsupported', name, trigger };
  const maxInstances = numberOr(fields.maxInstances, undefined);
  const secrets = Array.isArray(fields.secretEnvironmentVariables) ? fields.secretEnvironmentVariables : [];
  return {
    kind: 'supported',
    spec: {
      name,
      trigger,
      timeoutSeconds: numberOr(fields.timeoutSeconds, defaultTimeoutSeconds),
      memoryMiB: numberOr(fields.availableMemoryMb, defaultMemoryMiB),
      concurrency: numberOr(fields.concurrency, defaultConcurrency[hasWholeCpu(fields.cpu) ? 'wholeCpu' : 'partOfCpu']),
      ...(maxInstances === undefined ? {} : { maxInstances }),
      secrets: secrets.flatMap((secret: unknown) => (isRecord(secret) ? [String(secret.key)] : [])),
    },
  };
}

function readTrigger(fields: Record<string, unknown>): Trigger | string {
  const { eventTrigger, scheduleTrigger } = fields;
  if (isRecord(eventTrigger)) return readEventTrigger(eventTrigger);
  if (isRecord(scheduleTrigger)) {
    const retry = isRecord(scheduleTrigger.retryConfig) ? scheduleTrigger.retryConfig : {};
    const count = numberOr(retry.retryCount, defaultRetryCount);
    if (count > mostRetries) throw new Error(`retryCount is ${count}; Cloud Scheduler allows at most ${mostRetries}.`);
    return {
      kind: 'schedule',
      schedule: String(scheduleTrigger.schedule ?? ''),
      ...(typeof scheduleTrigger.timeZone === 'string' ? { timeZone: scheduleTrigger.timeZone } : {}),
      retry: {
        count,
        minBackoffSeconds: numberOr(retry.minBackoffSeconds, defaultMinBackoffSeconds),
        maxBackoffSeconds: numberOr(retry.maxBackoffSeconds, defaultMaxBackoffSeconds),
        maxDoublings: numberOr(retry.maxDoublings, defaultMaxDoublings),
        maxRetrySeconds: numberOr(retry.maxRetrySeconds, 0),
      },
    };
  }
  if (fields.httpsTrigger || fields.callableTrigger) return { kind: 'https' };
  return Object.keys(fields).find((field) => field.endsWith('Trigger')) ?? 'no trigger';
}

function readEventTrigger(fields: Record<string, unknown>): Trigger | string {
  const eventType = String(fields.eventType);
  const filters = isRecord(fields.eventFilters) ? fields.eventFilters : {};
  const patterns = isRecord(fields.eventFilterPathPatterns) ? fields.eventFilterPathPatterns : {};
  const retry = fields.retry === true;
  if (eventType === messagePublished) return { kind: 'pubsub', topic: String(filters.topic ?? ''), retry };
  const event = documentEventKind(eventType);
  if (event === undefined) return `event ${eventType}`;
  if (filters.namespace !== defaultNamespace) return `event ${eventType} in the namespace ${String(filters.namespace)}`;
  const document = String(patterns.document ?? filters.document ?? '');
  return { kind: 'firestore', event, database: String(filters.database ?? ''), document, retry };
}

/** `gcf_gen1` is the share of a CPU that functions of first generation had, by their memory. */
function hasWholeCpu(cpu: unknown): boolean {
  return cpu !== 'gcf_gen1' && (typeof cpu !== 'number' || cpu >= 1);
}

/** Zero and less mean the default, as for the platform. */
function numberOr<Fallback>(value: unknown, fallback: Fallback): number | Fallback {
  return typeof value === 'number' && value > 0 ? value : fallback;
}
