// The policy of mass deletions: a table without cliffs, which the docs print, and what the deployment's parameters make
// of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  defaultHoldLimits,
  deletionsAllowed,
  deletionsAllowedLeaving,
  deployedHoldLimits,
  type HoldLimits,
} from '../../src/holds/limits.ts';
import { installations } from './installations.ts';

const anyLimits: fc.Arbitrary<HoldLimits> = fc.record({
  windowMs: fc.constant(1),
  maxProjects: fc.integer({ min: 1, max: 2_000 }),
  maxShare: fc.integer({ min: 0, max: 99 }).map((percent) => percent / 100),
});
const anyProjects = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 10_000_000 }));

describe('hold limits', () => {
  for (const { projects, allowed } of installations) {
    it(`allow ${allowed} deletions of ${projects} projects by default`, () => {
      assert.equal(deletionsAllowed(defaultHoldLimits, projects), allowed);
    });
  }

  it('have no cliff: one project more allows one deletion more at most, and never one less (property)', () => {
    fc.assert(
      fc.property(anyLimits, anyProjects, (limits, projects) => {
        const step = deletionsAllowed(limits, projects + 1) - deletionsAllowed(limits, projects);
        assert.ok(step === 0 || step === 1, `${step}`);
      }),
    );
  });

  it('never allow all projects of an installation of more than one, unless their share does (property)', () => {
    fc.assert(
      fc.property(anyLimits, fc.integer({ min: 2, max: 100_000 }), (limits, projects) => {
        assert.ok(deletionsAllowed(limits, projects) < projects);
      }),
    );
  });

  it('are the same told by the projects that are left (property)', () => {
    fc.assert(
      fc.property(anyLimits, anyProjects, (limits, left) => {
        const allowed = deletionsAllowedLeaving(limits, left);
        assert.ok(allowed <= deletionsAllowed(limits, left + allowed), `${allowed} are too many`);
        for (const more of [1, 2, 10]) {
          const deletions = allowed + more;
          assert.ok(deletions > deletionsAllowed(limits, left + deletions), `${deletions} are allowed too`);
        }
      }),
    );
  });

  it('never hold by share when every project may go', () => {
    assert.equal(deletionsAllowedLeaving({ ...defaultHoldLimits, maxShare: 1 }, 5), Number.POSITIVE_INFINITY);
  });

  it('are in the docs as they are here', () => {
    const rows = installations.map(({ projects, allowed }) => {
      const share = Math.round((100 * allowed) / projects);
      return `| ${projects.toLocaleString('en-US')} | ${allowed.toLocaleString('en-US')} | ${share} % |`;
    });
    const table = ['| projects | deletions allowed within the window | share |', '| ---: | ---: | ---: |', ...rows];
    const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'massDeletion.md'), 'utf8');
    assert.ok(page.includes(table.join('\n')), `docs/massDeletion.md should have\n${table.join('\n')}`);
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
