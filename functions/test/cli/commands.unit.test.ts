// What the operators' commands take and refuse on their command lines.
import assert from 'node:assert/strict';
import { holdsSettings } from '../../src/cli/holdsSettings.ts';
import { redriveSettings } from '../../src/cli/redriveSettings.ts';

const env = { GCLOUD_PROJECT: 'demo-test', MONGODB_URI: 'mongodb://localhost' };

describe('command line of holds', () => {
  const settings = (line: string) => holdsSettings(line === '' ? [] : line.split(' '), env);
  const action = (line: string) => {
    const read = settings(line);
    return read.kind === 'run' ? read.action : read;
  };

  it('takes list, release and discard', () => {
    assert.deepEqual(action('list'), { kind: 'list', json: false, discarded: false });
    assert.deepEqual(action('list --json --discarded'), { kind: 'list', json: true, discarded: true });
    assert.deepEqual(action('release --all'), { kind: 'release', which: { kind: 'all' }, yes: false });
    assert.deepEqual(action('discard --project a --project b --project a --yes'), {
      kind: 'discard',
      which: { kind: 'projects', projectIds: ['a', 'b'] },
      yes: true,
    });
  });

  for (const [line, mistake] of [
    ['', /expected list, release or discard/],
    ['drop', /received "drop"/],
    ['release', /either --all or --project/],
    ['release --all --project a', /either --all or --project/],
    ['discard --project=', /expected a project id/],
    ['release a b', /project ids after --project/],
    ['list --all', /list takes/],
    ['release --all --json', /belong to list/],
    ['list --nonsense', /--nonsense/],
  ] as const) {
    it(`refuses "${line}" and says what is wrong`, () => {
      const read = settings(line);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    });
  }

  it('needs a Firebase project, and no MongoDB; helps without either', () => {
    assert.match(JSON.stringify(holdsSettings(['list'], {})), /GCLOUD_PROJECT is not set/);
    const read = holdsSettings(['list'], { GOOGLE_CLOUD_PROJECT: 'p' });
    assert.ok(read.kind === 'run' && read.mongodbUri === undefined && read.projectId === 'p');
    assert.equal(holdsSettings(['--help'], {}).kind, 'help');
  });
});

describe('command line of redrive', () => {
  const settings = (line: string) => redriveSettings(line === '' ? [] : line.split(' '), env);

  it('takes all dead letters, or some by name', () => {
    assert.deepEqual(settings('--all --dry-run'), {
      kind: 'run',
      projectId: 'demo-test',
      which: { kind: 'all', includeUnreadable: false },
      dryRun: true,
      json: false,
    });
    const read = settings('--event a --event b --json');
    assert.deepEqual(read.kind === 'run' && read.which, { kind: 'events', ids: ['a', 'b'] });
    assert.equal(redriveSettings(['-h'], {}).kind, 'help');
  });

  for (const [line, mistake] of [
    ['', /either --all or --event/],
    ['--all --event a', /either --all or --event/],
    ['--event a --include-unreadable', /belongs to --all/],
    ['--event=', /expected the id/],
    ['stray --all', /stray/],
  ] as const) {
    it(`refuses "${line}" and says what is wrong`, () => {
      const read = settings(line);
      assert.match(read.kind === 'mistake' ? read.message : read.kind, mistake);
    });
  }

  it('needs a Firebase project', () => {
    assert.match(JSON.stringify(redriveSettings(['--all'], {})), /GCLOUD_PROJECT is not set/);
  });
});
