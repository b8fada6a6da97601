// `npm run local -- --projects N`: attacks a stack whose functions never learn of what it was filled with, because it
// was written before the relay had its place, and one that does not end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const functionsDir = join(import.meta.dirname, '..', '..', '..');
const freePorts = ['mongodb', 'firestore', 'pubsub', 'storage', 'functions', 'page'].flatMap((service) => [
  `--${service}-port`,
  '0',
]);

/** How long it may take on a busy machine, in ms. */
const patienceMs = 120_000;

describe('npm run local', () => {
  it('fills the stack as it was asked to, its functions know all of it, and Ctrl-C ends it', async function () {
    this.timeout(patienceMs);
    const words = [join(functionsDir, 'local', 'cli', 'local.ts'), ...freePorts, '--projects', '30', '--assets', '5'];
    const child = spawn(process.execPath, words, { cwd: functionsDir, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const isUp = () => printed.includes('Every change shows below');
      const wasUp = isUp();
      printed += text;
      // A second signal would not wait for anything to end.
      if (!wasUp && isUp()) child.kill('SIGINT');
    });
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (ended, signal) => resolve(ended ?? signal));
    });
    assert.equal(code, 0, printed);
    assert.match(printed, /seeded 30 projects, 270 documents in [\d.]+ s, and the functions know them all\n/);
  });
});
