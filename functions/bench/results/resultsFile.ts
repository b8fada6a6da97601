import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { UsageError } from '../../src/cli/command.ts';
import { errorText } from '../../src/log.ts';
import { commitSchema, machineSchema } from './machine.ts';

const schemaVersion = 1;

const figureSchema = z.object({
  name: z.string().min(1),
  unit: z.string().min(1),
  better: z.enum(['higher', 'lower']),
  kind: z.enum(['timed', 'counted']),
  samples: z.array(z.number().positive()).min(1).readonly(),
});

const resultSchema = z.object({
  name: z.string().min(1),
  notes: z.array(z.string()).readonly(),
  tables: z
    .array(
      z.object({
        title: z.string(),
        headings: z.array(z.string()).readonly(),
        rows: z.array(z.array(z.union([z.string(), z.number()])).readonly()).readonly(),
      }),
    )
    .readonly(),
  figures: z.array(figureSchema).readonly(),
  tookMs: z.number(),
  /** Load of the machine before it began. */
  load: z.number(),
});

const resultsSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  startedAt: z.iso.datetime(),
  size: z.enum(['full', 'quick']),
  machine: machineSchema,
  commit: commitSchema.nullable(),
  results: z.array(resultSchema).readonly(),
});

/** What one call of `npm run bench` has measured, and where. */
export type Results = z.infer<typeof resultsSchema>;
export type MeasuredResult = Results['results'][number];
export type MeasuredFigure = z.infer<typeof figureSchema>;

/** Writes results as they come: a run that breaks off leaves what it had. */
export function writeResults(file: string, results: Omit<Results, 'schemaVersion'>): void {
  writeFileSync(file, `${JSON.stringify(resultsSchema.parse({ schemaVersion, ...results }), null, 2)}\n`);
}

/** @throws UsageError when the file cannot be read, or is no results file of this version. */
export function readResults(file: string): Results {
  const refuse = (why: string) => new UsageError(`${file} is not a results file of "run bench -- --json FILE": ${why}`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse(errorText(error));
  }
  const parsed = resultsSchema.safeParse(content);
  if (!parsed.success) throw refuse(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  return parsed.data;
}
