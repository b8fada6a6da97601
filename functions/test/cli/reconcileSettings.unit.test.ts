import assert from 'node:assert/strict';
import { readInvocation } from '../../src/cli/command.ts';
import { reconcile } from '../../src/cli/reconcile.ts';
import type { Environment } from '../../src/cli/terminal.ts';

const env = { MONGODB_URI: 'mongodb://localhost', GCLOUD_PROJECT: 'demo' };

const mainSettings = (args: readonly string[], variables: Environment) => readInvocation(reconcile, args, variables);

describe('npm run reconcile', () => {
  it('reads its options', () => {
    const args = [
      '--clean',
      '--collection',
      'a',
      '--collection',
      'b',
      '--project',
      'p',
      '--allow-orphans',
      '12',
      '--allow-unknown-ids',
      '3',
      '--allow-phantoms',
      '2',
      '--json',
      '--html',
      'report.html',
    ];
    const settings = mainSettings(
      [...args, '--reads-per-second', '100', '--read-from', 'secondary', '--grace', '5'],
      env,
    );
    assert.deepEqual(settings, {
      kind: 'run',
      settings: {
        mongodbUri: 'mongodb://localhost',
        projectId: 'demo',
        request: {
          mode: 'clean',
          collections: ['a', 'b'],
          projectIds: ['p'],
          allow: { orphans: 12, unknownIds: 3, phantoms: 2, files: undefined, shrink: undefined, source: undefined },
          reason: 'command',
        },
        reason: undefined,
        as: undefined,
        yes: false,
        json: true,
        files: { html: 'report.html' },
        readFrom: 'secondary',
        readsPerSecond: 100,
        graceMs: 300_000,
      },
    });
  });

  it('reads what it is to do about files', () => {
    const args = ['--clean', '--files', '--files-older-than', '30', '--allow-files', '500'];
    const outcome = mainSettings(args, env);
    assert.equal(outcome.kind, 'run');
    const { files, filesOlderThanDays, allow } = outcome.settings.request;
    assert.deepEqual([files, filesOlderThanDays, allow?.files], [true, 30, 500]);
  });

  const mistakes: Record<string, [string[], Record<string, string>, RegExp]> = {
    'neither mode': [[], env, /either --report or --clean/],
    'both modes': [['--report', '--clean'], env, /either --report or --clean/],
    'an unknown option': [['--report', '--fast'], env, /--fast/],
    'a stray word': [['--report', 'now'], env, /now/],
    'no number of orphans': [
      ['--clean', '--allow-orphans', 'all'],
      env,
      /--allow-orphans <n>.*expected a whole number/,
    ],
    'a rate of nothing': [['--report', '--reads-per-second', '0'], env, /at least 1/],
    'an unknown member': [['--report', '--read-from', 'nearest'], env, /choices are primary, secondary/],
    'no MongoDB': [['--report'], { GCLOUD_PROJECT: 'demo' }, /MONGODB_URI is not set/],
    'no Firebase project': [['--report'], { MONGODB_URI: 'mongodb://localhost' }, /GCLOUD_PROJECT is not set/],
  };
  for (const [name, [args, variables, message]] of Object.entries(mistakes)) {
    it(`says what is wrong: ${name}`, () => {
      const settings = mainSettings(args, variables);
      assert.equal(settings.kind, 'mistake');
      assert.match(settings.message, message);
      assert.match(settings.message, /--help/);
    });
  }

  it('explains itself', () => {
    const help = mainSettings(['--help'], {});
    assert.equal(help.kind, 'help');
    for (const option of ['--allow-orphans', '--allow-shrink', '--allow-new-source', 'Exit code']) {
      assert.ok(help.text.includes(option));
    }
  });
});
