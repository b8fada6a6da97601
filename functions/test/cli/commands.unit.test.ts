// What the operators' commands take and refuse on their command lines.
import assert from 'node:assert/strict';
import { readInvocation } from '../../src/cli/command.ts';
import { holds } from '../../src/cli/holds.ts';
import { redrive } from '../../src/cli/redrive.ts';
import type { Environment } from '../../src/cli/terminal.ts';

const env = { GCLOUD_PROJECT: 'demo-test', MONGODB_URI: 'mongodb://localhost' };

describe('command line of holds', () => {
  const settings = (line: string, variables: Environment = env) =>
    readInvocation(holds, line === '' ? [] : line.split(' '), variables);
  const action = (line: string) => {
    const read = settings(line);
    return read.kind === 'run' ? read.settings.action : read;
  };

  it('takes list, release and discard', () => {
    assert.deepEqual(action('list'), { kind: 'list', json: false, discarded: false });
    assert.deepEqual(action('list --json --discarded'), { kind: 'list', json: true, discarded: true });
    assert.deepEqual(action('release --all --reason cleanup --as olga'), {
      kind: 'release',
      which: { kind: 'all' },
      reason: 'cleanup',
      as: 'olga',
      yes: false,
    });
    assert.deepEqual(action('discard --project a --project b --project a --yes'), {
      kind: 'discard',
      which: { kind: 'projects', projectIds: ['a', 'b'] },
      reason: undefined,
      as: undefined,
      yes: true,
    });
  });

  for (const [line, mistake] of [
    ['', /expected list, release or discard/],
    ['drop', /unknown command 'drop'/],
    ['release', /either --all or --project/],
    ['release --all --project a', /either --all or --project/],
    ['discard --project=', /--project <id>.*expected a value/],
    ['release a b', /too many arguments for 'release'.*a, b/],
    ['list --all', /unknown option '--all'/],
    ['release --all --json', /unknown option '--json'/],
    ['list --nonsense', /--nonsense/],
  ] as const) {
    it(`refuses "${line}" and says what is wrong`, () => {
      const read = settings(line);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    });
  }

  it('needs a Firebase project, and no MongoDB; helps without either', () => {
    assert.match(JSON.stringify(settings('list', {})), /GCLOUD_PROJECT is not set/);
    const read = settings('list', { GOOGLE_CLOUD_PROJECT: 'p' });
    assert.ok(read.kind === 'run' && read.settings.mongodbUri === undefined && read.settings.projectId === 'p');
    for (const [line, expected] of [
      ['--help', /list .*release .*discard .*MONGODB_URI .*Exit code: .*3 nothing is held/s],
      ['list --help', /--json .*--discarded/s],
      ['release -h', /--all .*--project <id> .*--yes/s],
    ] as const) {
      const help = settings(line, {});
      assert.match(help.kind === 'help' ? help.text : help.kind, expected);
    }
  });
});

describe('command line of redrive', () => {
  const settings = (line: string, variables: Environment = env) =>
    readInvocation(redrive, line === '' ? [] : line.split(' '), variables);

  it('takes all dead letters, or some by name', () => {
    assert.deepEqual(settings('--all --dry-run'), {
      kind: 'run',
      settings: {
        projectId: 'demo-test',
        which: { kind: 'all', includeUnreadable: false },
        drop: false,
        reason: undefined,
        as: undefined,
        yes: false,
        dryRun: true,
        json: false,
      },
    });
    const read = settings('--event a --event b --json');
    assert.deepEqual(read.kind === 'run' && read.settings.which, { kind: 'events', ids: ['a', 'b'] });
    const help = settings('-h', {});
    assert.match(help.kind === 'help' ? help.text : help.kind, /--include-unreadable .*--dry-run .*Exit code/s);
  });

  for (const [line, mistake] of [
    ['', /either --all or --event/],
    ['--all --event a', /either --all or --event/],
    ['--event a --include-unreadable', /belongs to --all/],
    ['--event=', /--event <id>.*expected a value/],
    ['--event a --project p', /belong to --all/],
    ['--all --project p --failed-with attempts', /either --project or --failed-with/],
    ['stray --all', /stray/],
  ] as const) {
    it(`refuses "${line}" and says what is wrong`, () => {
      const read = settings(line);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    });
  }

  it('needs a Firebase project', () => {
    assert.match(JSON.stringify(settings('--all', {})), /GCLOUD_PROJECT is not set/);
  });
});
