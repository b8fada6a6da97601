// What happens while the bundle is loaded, by a deployment and by every cold start: attacks "loading does no input or
// output".
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { discover } from './discover.ts';

const functionsDir = join(import.meta.dirname, '..', '..');

/** The one that never ends is given up after so long, in ms. */
const lingerMs = 1_000;

/** Packages that do the work; a function loads what it needs of them when it is called first. */
const workers = ['mongodb', 'firebase-admin', '@google-cloud/pubsub', '@google-cloud/firestore', '@grpc/grpc-js'];

/** Bundles that do while they are loaded what they must not, and how it shows. */
const offenders = [
  {
    does: 'connects',
    code: `import { connect } from 'node:net'; try { connect(27017, '127.0.0.1'); } catch {}`,
    shows: { attempts: ['a connection'] },
  },
  {
    does: 'asks for a name',
    code: `import { promises } from 'node:dns'; try { await promises.lookup('metadata.google.internal'); } catch {}`,
    shows: { attempts: ['a name look-up'] },
  },
  {
    does: 'fetches',
    code: `await fetch('http://127.0.0.1:27017/').catch(() => {});`,
    shows: { attempts: ['a connection'] },
  },
  {
    does: 'sends a datagram',
    code: `import { createSocket } from 'node:dgram'; try { createSocket('udp4').send('x', 9, '127.0.0.1'); } catch {}`,
    shows: { attempts: ['a datagram'] },
  },
  {
    does: 'writes a file',
    code: `import { writeFileSync } from 'node:fs'; writeFileSync('trace.txt', '');`,
    shows: { why: /restricted|ERR_ACCESS_DENIED/ },
  },
  {
    does: 'reads a file from elsewhere',
    code: `import { readFileSync } from 'node:fs'; readFileSync('/etc/hostname');`,
    shows: { why: /restricted|ERR_ACCESS_DENIED/ },
  },
  {
    does: 'starts a process',
    code: `import { spawnSync } from 'node:child_process'; spawnSync('true');`,
    shows: { why: /restricted|ERR_ACCESS_DENIED/ },
  },
  { does: 'leaves a timer behind', code: 'setInterval(() => {}, 60_000);', shows: { lingers: true } },
  { does: 'loads the driver at once', code: `import 'mongodb';`, shows: { package: 'mongodb' } },
] as const;

/** Loads a bundle of the given code. */
async function discoverBundle(code: string, giveUpMs?: number): ReturnType<typeof discover> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bundle-'));
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'bundle', type: 'module', main: 'index.js' }));
    writeFileSync(join(folder, 'index.js'), `${code}\nexport const nothing = undefined;\n`);
    symlinkSync(join(functionsDir, 'node_modules'), join(folder, 'node_modules'));
    return await discover(folder, giveUpMs);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('loading the built bundle', () => {
  it('reads its own modules and does nothing else', async () => {
    assert.ok(
      existsSync(join(functionsDir, 'lib', 'index.js')),
      'nothing is built; run: npm --prefix functions run build',
    );
    const found = await discover(functionsDir);
    console.log(`      loaded in ${Math.round(found.tookMs)} ms, ${found.modules} modules`);
    assert.equal(found.outcome.kind, 'manifest', found.outcome.kind === 'failed' ? found.outcome.why : '');
    assert.deepEqual(found.attempts, []);
    assert.equal(found.lingers, false, 'something goes on after the bundle was loaded');
    // firebase-functions itself loads the parts of the Admin SDK that callable functions need, for any HTTPS function.
    const ofLibrary = await discoverBundle(`import 'firebase-functions/v2/https';`);
    assert.deepEqual(
      [...found.adminFiles].filter((file) => !ofLibrary.adminFiles.has(file)),
      [],
    );
    assert.deepEqual(
      workers.filter((name) => name !== 'firebase-admin' && found.packages.has(name)),
      [],
    );
    assert.ok(found.packages.has('firebase-functions'), 'the modules were not counted');
  });

  for (const { does, code, shows } of offenders) {
    it(`is noticed when it ${does}`, async () => {
      const found = await discoverBundle(code, 'lingers' in shows ? lingerMs : undefined);
      if ('attempts' in shows) assert.deepEqual([...new Set(found.attempts)], shows.attempts);
      if ('why' in shows) assert.match(found.outcome.kind === 'failed' ? found.outcome.why : 'loaded', shows.why);
      if ('lingers' in shows) assert.equal(found.lingers, true);
      if ('package' in shows) assert.ok(found.packages.has(shows.package), [...found.packages].join(', '));
    });
  }
});
