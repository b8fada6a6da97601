// A net that catches nothing is not a net: each guarantee is broken on purpose in a copy of the source, and the chaos
// runs must find it.
import assert from 'node:assert/strict';
import { type MutantYard, openMutantYard } from './mutant.ts';
import { mutations } from './mutations.ts';

/** More than twice what each took to be found when this was written; the search ends with the first violation. */
const mostRuns = 250;

describe('chaos, deliberate breaks', function () {
  this.timeout(240_000);
  let yard: MutantYard;

  before(() => {
    yard = openMutantYard();
  });
  after(() => yard.close());

  for (const mutation of mutations) {
    it(`${mutation.breaks} is found broken when ${mutation.what}`, async () => {
      const { exitCode, output } = await yard.attack(mutation, mostRuns);
      assert.equal(exitCode, 1, output);
      assert.match(output, mutation.shows, output);
    });
  }

  it('breaks every guarantee at least once', () => {
    const broken = new Set(mutations.map(({ breaks }) => breaks));
    assert.deepEqual([...broken].sort(), ['I1', 'I10', 'I11', 'I13', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9']);
  });
});
