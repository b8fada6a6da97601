import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A command as a user starts it, without npm and the bootstrap in front. */
export interface CommandProcess {
  readonly child: ChildProcess;
  /** What it has printed: the result, the notes about the run, and both as they came. */
  stdout(): string;
  stderr(): string;
  output(): string;
  /** Its exit code, or the name of the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** `line`: words that are separated by spaces, or a list of words. */
export function startCommand(line: string | readonly string[], env: Readonly<Record<string, string>>): CommandProcess {
  const [name, ...args] = typeof line === 'string' ? line.split(' ') : line;
  const program = fileURLToPath(new URL(`../../src/cli/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, METADATA_SERVER_DETECTION: 'none', GCLOUD_PROJECT: 'demo-cli', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: { readonly from: 'stdout' | 'stderr'; readonly text: string }[] = [];
  for (const from of ['stdout', 'stderr'] as const) {
    child[from].setEncoding('utf8').on('data', (text) => printed.push({ from, text }));
  }
  const textOf = (from: 'stdout' | 'stderr' | undefined) =>
    printed
      .filter((part) => from === undefined || part.from === from)
      .map(({ text }) => text)
      .join('');
  const ended: CommandProcess['ended'] = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  return {
    child,
    stdout: () => textOf('stdout'),
    stderr: () => textOf('stderr'),
    output: () => textOf(undefined),
    ended,
  };
}

/** A server that accepts connections and never answers. */
export interface BlackHole {
  readonly host: string;
  close(): Promise<void>;
}

export async function startBlackHole(): Promise<BlackHole> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // Whoever gave up hangs up, which is no error here.
    socket.on('error', () => socket.destroy()).resume();
  });
  const host = await listen(server);
  return {
    host,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** The address of a port where nobody listens. */
export async function closedPort(): Promise<string> {
  const server = createServer();
  const host = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return host;
}

function listen(server: ReturnType<typeof createServer>): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no port'));
      else resolve(`127.0.0.1:${address.port}`);
    });
  });
}
