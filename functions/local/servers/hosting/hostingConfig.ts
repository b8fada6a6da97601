import { readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { z } from 'zod';

const projectDir = join(import.meta.dirname, '..', '..', '..', '..');

/** The part of `firebase.json` that the page needs: https://firebase.google.com/docs/hosting/full-config */
const schema = z.looseObject({
  public: z.string(),
  rewrites: z.array(
    z.strictObject({ source: z.string(), function: z.strictObject({ functionId: z.string(), region: z.string() }) }),
  ),
  headers: z.array(
    z.strictObject({
      source: z.string(),
      headers: z.array(z.strictObject({ key: z.string(), value: z.string() })),
    }),
  ),
});
export type HostingConfig = z.infer<typeof schema>;

/** Reads the block `hosting` of `firebase.json`; its folder becomes an absolute path.
 *  @throws Error that names what is missing in it */
export function readHostingConfig(): HostingConfig {
  const text = readFileSync(join(projectDir, 'firebase.json'), 'utf8');
  const parsed = z.looseObject({ hosting: schema }).safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`firebase.json cannot be used for hosting: ${z.prettifyError(parsed.error)}`);
  const { hosting } = parsed.data;
  return { ...hosting, public: join(projectDir, hosting.public) };
}

/** The headers of a path; where several blocks match, the later one wins. */
export function headersOf(config: HostingConfig, path: string): Record<string, string> {
  const matching = config.headers.filter(({ source }) => matchesGlob(path, source));
  return Object.fromEntries(matching.flatMap(({ headers }) => headers.map(({ key, value }) => [key, value])));
}

/** The function that answers for a path, if one does. */
export function functionOf(config: HostingConfig, path: string): string | undefined {
  return config.rewrites.find(({ source }) => matchesGlob(path, source))?.function.functionId;
}

/** The policy of production does not know the Auth emulator, which is another origin. */
export function allowingEmulator(config: HostingConfig, authEmulatorUrl: string): HostingConfig {
  const allow = (policy: string) => policy.replace("connect-src 'self'", `connect-src 'self' ${authEmulatorUrl}`);
  return {
    ...config,
    headers: config.headers.map(({ source, headers }) => ({
      source,
      headers: headers.map(({ key, value }) => ({
        key,
        value: key === 'Content-Security-Policy' ? allow(value) : value,
      })),
    })),
  };
}
