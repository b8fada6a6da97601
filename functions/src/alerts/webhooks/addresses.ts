import { z } from 'zod';
import type { AlertTarget } from '../../config/alertsConfig.ts';

/** Where a target is reached. All of it is secret: whoever knows it can post there. */
export type TargetAddress =
  | { readonly format: 'json' | 'slack'; readonly url: string }
  | { readonly format: 'pagerduty'; readonly url: string; readonly routingKey: string };

/** The secret with the addresses cannot be used. The message names targets, and nothing of what the secret holds. */
export class TargetAddressesError extends Error {
  constructor(problem: string) {
    super(`the secret ALERT_TARGETS ${problem}. Set it with: firebase functions:secrets:set ALERT_TARGETS`);
    this.name = 'TargetAddressesError';
  }
}

/** https://developer.pagerduty.com/docs/send-alert-event; accounts in the EU have another. */
const pagerDutyUrl = 'https://events.pagerduty.com/v2/enqueue';

const secretSchema = z.record(z.string(), z.unknown());
const pagerDutySchema = z.union([
  z.string().transform((routingKey) => ({ routingKey, url: pagerDutyUrl })),
  z.object({ routingKey: z.string(), url: z.string().default(pagerDutyUrl) }),
]);

/** Reads the addresses of all configured targets from the secret: a JSON object that has a URL for each target by its
 *  name, and for PagerDuty the routing key (or `{ "routingKey", "url" }`).
 *  @throws TargetAddressesError */
export function readAddresses(secret: string, targets: readonly AlertTarget[]): ReadonlyMap<string, TargetAddress> {
  const entries = secretSchema.safeParse(json(secret));
  if (!entries.success) throw new TargetAddressesError('is not a JSON object with an address for each target');
  return new Map(targets.map((target) => [target.name, addressOf(target, entries.data[target.name])]));
}

function addressOf({ name, format }: AlertTarget, value: unknown): TargetAddress {
  if (value === undefined) throw new TargetAddressesError(`has nothing for the target "${name}"`);
  if (format === 'pagerduty') {
    const parsed = pagerDutySchema.safeParse(value);
    if (!parsed.success || parsed.data.routingKey === '') {
      throw new TargetAddressesError(`has no routing key for the target "${name}"`);
    }
    return { format, routingKey: parsed.data.routingKey, url: checkedUrl(name, parsed.data.url) };
  }
  return { format, url: checkedUrl(name, typeof value === 'string' ? value : '') };
}

/** Only encrypted, or to this machine, where tests listen. */
function checkedUrl(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new TargetAddressesError(`has no URL for the target "${name}"`);
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) {
    throw new TargetAddressesError(`has a URL for the target "${name}" that is not https`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TargetAddressesError(`has a URL with a user for the target "${name}", which cannot be sent`);
  }
  return url.href;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says quotes the text.
    return undefined;
  }
}
