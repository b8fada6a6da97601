import assert from 'node:assert/strict';
import type { Benchmark } from '../../bench/benchmark.ts';
import { benchSettings } from '../../bench/settings.ts';

describe('npm run bench', () => {
  const benchmark = (name: string): Benchmark => ({ name, summary: name, run: () => Promise.reject(new Error(name)) });
  const benchmarks = ['delete', 'relay', 'scale'].map(benchmark);
  const names = (...words: string[]) => {
    const settings = benchSettings(words, benchmarks);
    return settings.kind === 'run' ? settings.benchmarks.map(({ name }) => name) : settings.kind;
  };

  it('runs every benchmark, by no name or by "all", or those that are named', () => {
    assert.deepEqual(names(), ['delete', 'relay', 'scale']);
    assert.deepEqual(names('all', '--quick'), ['delete', 'relay', 'scale']);
    assert.deepEqual(names('scale', 'delete'), ['delete', 'scale']);
  });

  it('names what there is when asked for something else', () => {
    const settings = benchSettings(['all', 'speed'], benchmarks);
    assert.ok(settings.kind === 'mistake');
    assert.match(settings.message, /no benchmark "speed"; there are delete, relay, scale, and all/);
    assert.equal(names('--slow'), 'mistake');
    assert.equal(names('--help'), 'help');
  });
});
