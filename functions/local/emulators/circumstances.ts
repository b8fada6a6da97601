import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Download, javaMajorVersion } from './chooseServer.ts';
import type { FirebaseCli } from './firebaseCli.ts';

const run = promisify(execFile);

/** How long the server of the downloads may take to answer, in ms: whoever is slower would wait too long for the download itself. */
const answerMs = 5_000;

const downloadSchema = z.object({
  remoteUrl: z.string(),
  expectedSize: z.number(),
  downloadPathRelativeToCacheDir: z.string(),
  binaryPathRelativeToCacheDir: z.string().optional(),
});
const listSchema = z.looseObject({ firestore: downloadSchema, pubsub: downloadSchema });

/** Major version of the `java` on the path; undefined: none that runs. */
export async function installedJava(): Promise<number | undefined> {
  try {
    const { stdout, stderr } = await run('java', ['-version']);
    return javaMajorVersion(stdout + stderr);
  } catch {
    // A `java` that is missing and one that cannot start (a stub that asks for an installation) come to the same: there is none to use.
    return undefined;
  }
}

/** Whether the CLI has downloaded one of its emulators, or could. */
export async function downloadOf(
  cli: FirebaseCli,
  emulator: 'firestore' | 'pubsub',
  folder: string,
  signal: AbortSignal,
): Promise<Download> {
  const list = join(cli.directory, 'lib', 'emulator', 'downloadableEmulatorInfo.json');
  const { remoteUrl, expectedSize, downloadPathRelativeToCacheDir, binaryPathRelativeToCacheDir } = listSchema.parse(
    JSON.parse(readFileSync(list, 'utf8')),
  )[emulator];
  if (existsSync(join(folder, binaryPathRelativeToCacheDir ?? downloadPathRelativeToCacheDir)))
    return { kind: 'there' };
  try {
    const answer = await fetch(remoteUrl, {
      method: 'HEAD',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    if (answer.ok) return { kind: 'fetchable', url: remoteUrl, bytes: expectedSize };
    return { kind: 'out-of-reach', why: `${new URL(remoteUrl).host} answers ${answer.status}` };
  } catch {
    signal.throwIfAborted();
    return { kind: 'out-of-reach', why: `${new URL(remoteUrl).host} does not answer` };
  }
}
