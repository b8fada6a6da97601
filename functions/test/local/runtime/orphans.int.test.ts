import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/until.ts';
import { bundlePath } from './fixture.ts';

const supervisorPath = fileURLToPath(new URL('./fixture/supervisor.ts', import.meta.url));

describe('functions runtime: orphans', () => {
  it('no child outlives a supervisor that was killed', async () => {
    // Every child holds a connection to this server; the system ends it when the process is gone.
    const names: string[] = [];
    const ended: Promise<void>[] = [];
    const probes = createServer((socket: Socket) => {
      socket.on('data', (name) => names.push(name.toString().trim()));
      socket.on('error', () => socket.destroy());
      ended.push(new Promise((resolve) => socket.on('close', () => resolve())));
    });
    await new Promise<void>((resolve) => probes.listen(0, '127.0.0.1', resolve));
    const address = probes.address();
    assert.ok(address && typeof address === 'object');
    const supervisor = spawn(process.execPath, [supervisorPath, bundlePath, String(address.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise<void>((resolve, reject) => {
        supervisor.stdout.on('data', (text) => String(text).includes('ready') && resolve());
        supervisor.on('exit', (code) => reject(new Error(`the supervisor ended with code ${code}`)));
      });
      await until(() => names.length === 2);
      assert.deepEqual(names.sort(), ['onEvent', 'onNotice']);
      supervisor.kill('SIGKILL');
      await Promise.all(ended);
    } finally {
      supervisor.kill('SIGKILL');
      await new Promise((resolve) => probes.close(resolve));
    }
  });
});
