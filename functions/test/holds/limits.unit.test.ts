// How many deletions are believed, and what the deployment's parameters make of it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defaultHoldLimits, deletionsBelieved, deployedHoldLimits } from '../../src/holds/limits.ts';

describe('hold limits', () => {
  for (const [projects, believed] of [
    [0, 10],
    [1, 100],
    [9_900, 100],
    [19_800, 200],
    [990_000, 10_000],
  ] as const) {
    it(`believe ${believed} deletions by default while MongoDB holds ${projects} projects`, () => {
      assert.equal(deletionsBelieved(defaultHoldLimits, projects), believed);
    });
  }

  it('believe the share of what there was before the deletions, to the last project (property)', () => {
    const sharePercent = fc.integer({ min: 1, max: 99 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), sharePercent, (projects, percent) => {
        const maxShare = percent / 100;
        const believed = deletionsBelieved({ ...defaultHoldLimits, maxProjects: 0, maxShare }, projects);
        // Compared in whole numbers: n is within the share when n * 100 <= percent * (projects + n), give or take the rounding of the division.
        const excess = (n: number) => n * 100 - percent * (projects + n);
        assert.ok(excess(believed) <= 0, `${believed} are too many`);
        assert.ok(excess(believed + 2) > 0, `${believed + 2} would be within the share`);
      }),
      { verbose: true },
    );
  });

  it('never hold by share when every project may go', () => {
    assert.equal(deletionsBelieved({ ...defaultHoldLimits, maxShare: 1 }, 5), Number.POSITIVE_INFINITY);
  });

  describe('of a deployment', () => {
    const names = ['HOLD_WINDOW_MINUTES', 'HOLD_MAX_PROJECTS', 'HOLD_MAX_SHARE_PERCENT'] as const;
    let before: (string | undefined)[];
    beforeEach(() => {
      before = names.map((name) => process.env[name]);
      for (const name of names) delete process.env[name];
    });
    afterEach(() => {
      for (const [index, name] of names.entries()) {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    });

    it('are the defaults when nothing is set', () => {
      assert.deepEqual(deployedHoldLimits(), defaultHoldLimits);
    });

    it('are what the parameters say', () => {
      process.env.HOLD_WINDOW_MINUTES = '2';
      process.env.HOLD_MAX_PROJECTS = '0';
      process.env.HOLD_MAX_SHARE_PERCENT = '25';
      assert.deepEqual(deployedHoldLimits(), {
        ...defaultHoldLimits,
        windowMs: 120_000,
        maxProjects: 0,
        maxShare: 0.25,
      });
    });

    for (const [name, value] of [
      ['HOLD_WINDOW_MINUTES', '0'],
      ['HOLD_MAX_PROJECTS', '-1'],
      ['HOLD_MAX_SHARE_PERCENT', 'half'],
    ] as const) {
      it(`are refused when ${name} is "${value}"`, () => {
        process.env[name] = value;
        assert.throws(
          deployedHoldLimits,
          new RegExp(`${name}: expected a whole number of at least \\d, received "${value}"`),
        );
      });
    }
  });
});
