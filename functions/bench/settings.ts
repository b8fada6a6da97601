import { parseArgs } from 'node:util';
import type { Benchmark, BenchOptions } from './benchmark.ts';

/** What `npm run bench` was asked to do. */
export type BenchSettings =
  | { readonly kind: 'help' }
  | { readonly kind: 'mistake'; readonly message: string }
  | {
      readonly kind: 'run';
      readonly benchmarks: readonly Benchmark[];
      readonly size: BenchOptions['size'];
      readonly json: boolean;
    };

/** In place of a name: every benchmark. */
const every = 'all';

/** The text of `--help`. */
export function usage(benchmarks: readonly Benchmark[]): string {
  const names = benchmarks.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
  return `usage: npm --prefix functions run bench [-- NAME ...] [-- options]

Runs them one after the other, each with servers of its own. Without a name, or with the name \`all\`, every one:

${names.join('\n')}

  --quick     small sizes and one round: shows that they work, and no more
  --json      one JSON object for each benchmark instead of tables
  --help      this text
`;
}

/** Reads the command line. */
export function benchSettings(words: readonly string[], benchmarks: readonly Benchmark[]): BenchSettings {
  const parsed = parse(words);
  if (typeof parsed === 'string') return { kind: 'mistake', message: parsed };
  const { values, positionals } = parsed;
  if (values.help) return { kind: 'help' };
  const unknown = positionals.filter(
    (name) => name !== every && !benchmarks.some((benchmark) => benchmark.name === name),
  );
  if (unknown.length > 0) {
    const known = benchmarks.map(({ name }) => name).join(', ');
    return {
      kind: 'mistake',
      message: `there is no benchmark "${unknown.join('", "')}"; there are ${known}, and ${every} for every one`,
    };
  }
  return {
    kind: 'run',
    benchmarks:
      positionals.length === 0 || positionals.includes(every)
        ? benchmarks
        : benchmarks.filter(({ name }) => positionals.includes(name)),
    size: values.quick ? 'quick' : 'full',
    json: values.json ?? false,
  };
}

/** The options, or what is wrong with them. */
function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: { help: { type: 'boolean', short: 'h' }, quick: { type: 'boolean' }, json: { type: 'boolean' } },
      allowPositionals: true,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
