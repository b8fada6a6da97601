// The relay's image: attacks "its build finds all that it needs in what is copied into it". What `npm ci` installs is
// that of this checkout.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const functionsDir = join(import.meta.dirname, '..', '..');
const dockerfile = join(functionsDir, 'deploy', 'relay.Dockerfile');

/** The instructions of the Dockerfile, by stage. */
const [build = [], final = []] = readFileSync(dockerfile, 'utf8')
  .split(/^FROM .*$/m)
  .slice(1)
  .map((stage) => [...stage.matchAll(/^(COPY|RUN|CMD) (.+)$/gm)].map(([, verb, rest = '']) => ({ verb, rest })));

/** What the context of the build holds. */
const allowed = new Set(
  [...readFileSync(`${dockerfile}.dockerignore`, 'utf8').matchAll(/^!(.+)$/gm)].map(([, path]) => path),
);

describe("the relay's image", () => {
  let app: string;
  beforeEach(() => {
    app = mkdtempSync(join(tmpdir(), 'lockstep-image-'));
  });
  afterEach(() => rmSync(app, { recursive: true, force: true }));

  function copy(rest: string): void {
    const words = rest.split(' ');
    const to = words.pop() ?? '';
    for (const from of words) {
      assert.ok(allowed.has(from), `${from} is not in the context (relay.Dockerfile.dockerignore)`);
      const target = to.endsWith('/') ? join(app, to, basename(from)) : join(app, to);
      cpSync(join(functionsDir, from), target, { recursive: true });
    }
  }

  function run(command: string, args: readonly string[]): void {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: app, encoding: 'utf8' });
    assert.equal(status, 0, `${[command, ...args].join(' ')}\n${stdout}${stderr}`);
  }

  it('is built from what is copied into it, and its command starts', function () {
    // The compiler reads all of src/.
    this.timeout(120_000);
    symlinkSync(join(functionsDir, 'node_modules'), join(app, 'node_modules'));
    for (const { verb, rest } of build) {
      if (verb === 'COPY') copy(rest);
      else if (!rest.startsWith('npm ci')) run('sh', ['-c', rest]);
    }
    const command = final.find(({ verb }) => verb === 'CMD')?.rest ?? '[]';
    const [, program = ''] = /^\["node", "([^"]+)"/.exec(command) ?? [];
    assert.ok(existsSync(join(app, program)), command);
    run(process.execPath, [program, '--help']);
  });
});
