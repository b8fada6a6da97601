// The command line of the benchmarks: attacks a name or a limit that is taken for something else.
import assert from 'node:assert/strict';
import type { Benchmark } from '../../bench/benchmark.ts';
import { benchCommand } from '../../bench/command.ts';
import { readInvocation } from '../../src/cli/command.ts';

describe('npm run bench', () => {
  const benchmark = (name: string): Benchmark => ({ name, summary: name, run: () => Promise.reject(new Error(name)) });
  const command = benchCommand(['delete', 'relay', 'scale'].map(benchmark));
  const read = (...words: string[]) => readInvocation(command, words, {});
  const settings = (...words: string[]) => {
    const invocation = read(...words);
    return invocation.kind === 'run' ? invocation.settings : assert.fail(JSON.stringify(invocation));
  };
  const names = (...words: string[]) => {
    const read = settings(...words);
    return read.kind === 'run' ? read.benchmarks.map(({ name }) => name) : read.kind;
  };
  const mistake = (...words: string[]) => {
    const invocation = read(...words);
    return invocation.kind === 'mistake' ? invocation.message : assert.fail(invocation.kind);
  };

  it('runs every benchmark, by no name or by "all", or those that are named', () => {
    assert.deepEqual(names(), ['delete', 'relay', 'scale']);
    assert.deepEqual(names('all', '--quick'), ['delete', 'relay', 'scale']);
    assert.deepEqual(names('scale', 'delete'), ['delete', 'scale']);
  });

  it('writes results and plots where it is asked to', () => {
    const { benchmarks: _, ...rest } = { benchmarks: null, ...settings('all', '--json', 'a.json', '--plots', 'p') };
    assert.deepEqual(rest, { kind: 'run', size: 'full', largeProject: undefined, jsonFile: 'a.json', plotFolder: 'p' });
  });

  it('takes a larger project for the benchmark scale', () => {
    const asked = settings('scale', '--large-project', '2_000_000');
    assert.ok(asked.kind === 'run');
    assert.equal(asked.largeProject, 2_000_000);
    assert.match(mistake('scale', '--large-project', 'many'), /--large-project: "many" is no whole number/);
  });

  it('compares two files, with or without a limit in percent', () => {
    assert.deepEqual(settings('compare', 'a', 'b'), { kind: 'compare', files: ['a', 'b'], limit: undefined });
    assert.deepEqual(settings('compare', 'a', 'b', '--limit', '3%'), {
      kind: 'compare',
      files: ['a', 'b'],
      limit: 0.03,
    });
    assert.match(mistake('compare', 'a', 'b', '--limit', 'some'), /--limit: "some" is no percentage such as 3%/);
    assert.match(mistake('compare', 'a'), /later/);
  });

  it('plays a world, with the deployment that is asked for, or checks the model', () => {
    const usual = settings('world');
    assert.ok(usual.kind === 'world');
    assert.deepEqual([usual.relayShards, usual.instances, usual.projects], [1, 20, undefined]);
    const asked = settings('world', '--projects', '100_000', '--shards', '4', '--round-trip', '30');
    assert.ok(asked.kind === 'world');
    assert.deepEqual([asked.projects, asked.relayShards, asked.roundTripMs], [100_000, 4, 30]);
    assert.deepEqual(settings('world', '--check', '--quick'), { kind: 'check', size: 'quick', seed: 15 });
    assert.match(mistake('world', '--shards', '0'), /--shards: "0" is no whole number from 1 to 64/);
  });

  it('names what there is when asked for something else', () => {
    assert.match(mistake('all', 'speed'), /no benchmark "speed"; there are delete, relay, scale, and all/);
    assert.match(mistake('--slow'), /--slow/);
    const help = read('--help');
    assert.ok(help.kind === 'help');
    for (const word of ['delete', 'relay', 'scale', 'compare']) assert.match(help.text, new RegExp(word));
  });
});
