import { parseArgs } from 'node:util';
import { type Service, usualPorts } from '../stack.ts';

/** The call's words are wrong. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

type Options = NonNullable<Parameters<typeof parseArgs>[0]>['options'];

const services = [
  'mongodb',
  'firestore',
  'pubsub',
  'storage',
  'functions',
  'page',
] as const satisfies readonly Service[];

/** Reads the flags of a command; `--NAME-port` for every service, and those in `extra`.
 *  @throws UsageError */
export function readArguments(
  words: readonly string[],
  extra: NonNullable<Options> = {},
): { readonly values: Readonly<Record<string, unknown>>; readonly ports: Partial<Record<Service, number>> } {
  const options: NonNullable<Options> = { help: { type: 'boolean', short: 'h' }, ...extra };
  for (const service of services) options[`${service}-port`] = { type: 'string' };
  const values = parse(words, options);
  const ports: Partial<Record<Service, number>> = {};
  for (const service of services) {
    const port = wholeNumber(values, `${service}-port`, 0, 65_535);
    if (port !== undefined) ports[service] = port;
  }
  return { values, ports };
}

/** A flag that takes a whole number in a range; undefined when it is not given.
 *  @throws UsageError */
export function wholeNumber(
  values: Readonly<Record<string, unknown>>,
  flag: string,
  least: number,
  most: number,
): number | undefined {
  const text = values[flag];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new UsageError(`--${flag}: expected a whole number from ${least} to ${most}, received "${String(text)}"`);
}

/** The lines of `--help` about ports. */
export const portsHelp = services
  .map((service) => `  ${`--${service}-port N`.padEnd(24)} default ${usualPorts[service]}, or the next free one`)
  .join('\n');

function parse(words: readonly string[], options: NonNullable<Options>): Record<string, unknown> {
  try {
    return parseArgs({ args: [...words], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
