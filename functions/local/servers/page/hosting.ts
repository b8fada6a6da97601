import { readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { z } from 'zod';

/** The part of `hosting` in firebase.json that is followed here:
 *  https://firebase.google.com/docs/hosting/full-config */
const schema = z.looseObject({
  hosting: z
    .looseObject({
      public: z.string(),
      headers: z
        .array(
          z.looseObject({
            source: z.string(),
            headers: z.array(z.object({ key: z.string(), value: z.string() })),
          }),
        )
        .default([]),
    })
    .optional(),
});

export interface Hosting {
  /** The folder that is published. */
  readonly folder: string;
  /** Headers of the answer to a path; of the same header the last one counts. */
  headersOf(path: string): Readonly<Record<string, string>>;
}

/** Reads what Firebase Hosting would serve from a project's folder.
 *  @throws Error when its firebase.json is not one */
export function readHosting(projectDir: string): Hosting {
  const { hosting } = schema.parse(JSON.parse(readFileSync(join(projectDir, 'firebase.json'), 'utf8')));
  return {
    folder: join(projectDir, hosting?.public ?? 'functions/web/dist'),
    headersOf(path) {
      const rules = (hosting?.headers ?? []).filter(({ source }) => matchesGlob(path, anchored(source)));
      return Object.fromEntries(rules.flatMap(({ headers }) => headers.map(({ key, value }) => [key, value])));
    },
  };
}

/** A pattern without a leading slash means the same as one with it. */
function anchored(source: string): string {
  return source.startsWith('/') ? source : `/${source}`;
}
