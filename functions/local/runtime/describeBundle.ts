import { describeExit, startChild } from './childProgram.ts';
import type { Manifest } from './manifest.ts';

/** Loads the bundle in a process of its own and returns what it exports; rejects with what the process wrote if it
 *  cannot be loaded. */
export async function describeBundle(
  bundle: string,
  env: Readonly<Record<string, string>>,
  onLine: (line: string, stream: 'stdout' | 'stderr') => void,
): Promise<Manifest> {
  let manifest: Manifest | undefined;
  const child = startChild('describe', [bundle], {
    env,
    onLine,
    onMessage: (message) => {
      if (message.kind === 'manifest') manifest = message.manifest;
    },
  });
  const exit = await child.exited;
  if (!manifest) throw new Error(`Loading the bundle ${bundle} failed: the process ${describeExit(exit)}`);
  return manifest;
}

/** Keeps the functions named in `only`, and refuses a bundle that cannot run as it would in the cloud. */
export function checkManifest(
  manifest: Manifest,
  only: readonly string[] | undefined,
  env: Readonly<Record<string, string>>,
): Manifest {
  const wanted = (name: string) => !only || only.includes(name);
  const functions = manifest.functions.filter(({ name }) => wanted(name));
  const unsupported = manifest.unsupported.filter(({ name }) => wanted(name));
  const known = new Set([...manifest.functions, ...manifest.unsupported].map(({ name }) => name));
  const absent = (only ?? []).filter((name) => !known.has(name));
  if (absent.length > 0) {
    throw new Error(`The bundle has no function ${absent.join(', ')}; it has ${[...known].join(', ') || 'none'}.`);
  }
  if (unsupported.length > 0) {
    const list = unsupported.map(({ name, trigger }) => `${name} (${trigger})`).join(', ');
    throw new Error(
      `The local runtime has no trigger for ${list}. Name the functions to run in "only" to leave these out.`,
    );
  }
  if (functions.length === 0) throw new Error('The bundle exports no functions.');
  const absentSecrets = functions.flatMap(({ secrets }) => secrets).filter((name) => env[name] === undefined);
  const missing = new Set([...manifest.missing, ...absentSecrets]);
  if (missing.size > 0) {
    throw new Error(
      `Without a value and without a default: ${[...missing].join(', ')}. Give each one as an environment variable.`,
    );
  }
  return { ...manifest, functions, unsupported };
}
