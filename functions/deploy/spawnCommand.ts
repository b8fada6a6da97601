import { spawn } from 'node:child_process';
import type { CommandResult } from './execute.ts';
import type { Command } from './step.ts';

/** Runs a command as a child process, without a shell in between.
 *  @throws Error when the program is not installed. */
export function spawnCommand({ argv, stdin }: Command): Promise<CommandResult> {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    // gcloud must not ask: nobody may be there to answer.
    const env = { ...process.env, CLOUDSDK_CORE_DISABLE_PROMPTS: '1' };
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = `${program} is not installed or not on the PATH (https://cloud.google.com/sdk/docs/install)`;
      reject(error.code === 'ENOENT' ? new Error(missing, { cause: error }) : error);
    });
    child.on('close', (code, signal) => {
      resolve({
        exitCode: code ?? 1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: signal ? `ended by ${signal}` : Buffer.concat(stderr).toString(),
      });
    });
    // A program that ends without reading its input is no error of ours: its exit code tells.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
  });
}
