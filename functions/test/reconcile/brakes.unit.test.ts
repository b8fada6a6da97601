import assert from 'node:assert/strict';
import type { Allowances } from '../../src/events/reconciliationRequest.ts';
import {
  type BrakeKind,
  brakeForSourceError,
  brakeKinds,
  judgeContradictions,
  judgeOrphans,
  judgeSource,
  type OrphansFound,
  reasonToRedeliver,
  type SourceLook,
} from '../../src/reconcile/brakes.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';
import { installations } from '../holds/installations.ts';

const { brakes } = defaultReconcileLimits;
const sight = (projects: number, uuid: string | null = 'one'): SourceLook => ({
  database: 'collaboration',
  collection: 'projects',
  uuid,
  projects,
  otherId: null,
});

// Attacks I8.
describe('brakes', () => {
  it('an empty collection is never allowed, whatever is allowed', () => {
    const everything = { orphans: 1_000_000, shrink: true, source: true };
    assert.equal(judgeSource(sight(0), null, brakes, everything)?.kind, 'source-empty');
    assert.equal(judgeSource(sight(0), sight(5), brakes, everything)?.kind, 'source-empty');
  });

  it('a collection that has lost too many projects is allowed on purpose only', () => {
    const brake = judgeSource(sight(79), sight(100), brakes, {});
    assert.equal(brake?.kind, 'projects-shrunk');
    assert.match(brake.saw, /79 projects; it had 100/);
    assert.match(brake.goOn, /--allow-shrink/);
    assert.equal(judgeSource(sight(80), sight(100), brakes, {}), undefined);
    assert.equal(judgeSource(sight(79), sight(100), brakes, { shrink: true }), undefined);
    assert.equal(judgeSource(sight(200), sight(100), brakes, {}), undefined);
  });

  it('of few projects one may go, and of many a handful, whatever their share', () => {
    const shrunk = (left: number, before: number) => judgeSource(sight(left), sight(before), brakes, {})?.kind;
    assert.equal(shrunk(1, 2), undefined);
    assert.equal(shrunk(1, 3), 'projects-shrunk');
    assert.equal(shrunk(14, 18), 'projects-shrunk');
    assert.equal(shrunk(15, 18), undefined);
    assert.equal(shrunk(30, 40), 'projects-shrunk');
    assert.equal(shrunk(31, 40), undefined);
  });

  it('a project whose _id has no configured form is never allowed, whatever is allowed, and the way out is named', () => {
    const everything = { orphans: 1_000_000, shrink: true, source: true };
    const other = (form: 'uuid' | null) =>
      judgeSource({ ...sight(100), otherId: { text: 'its id', form } }, null, brakes, everything);
    assert.equal(other('uuid')?.kind, 'source-ids');
    assert.match(other('uuid')?.saw ?? '', /_id is its id/);
    assert.match(other('uuid')?.goOn ?? '', /add 'uuid' to "source.ids"/);
    assert.match(other(null)?.goOn ?? '', /Give it an _id that is/);
  });

  it('another collection is allowed on purpose only', () => {
    assert.equal(judgeSource(sight(100, 'two'), sight(100), brakes, {})?.kind, 'source-changed');
    assert.equal(judgeSource({ ...sight(100), database: 'staging' }, sight(100), brakes, {})?.kind, 'source-changed');
    assert.equal(judgeSource(sight(100, 'two'), sight(100), brakes, { source: true }), undefined);
    assert.equal(judgeSource(sight(100, null), sight(100), brakes, {}), undefined);
    assert.equal(judgeSource(sight(100, 'two'), null, brakes, {}), undefined);
  });

  const orphansIn = (found: Partial<OrphansFound>, allowed: Allowances = {}, limits = brakes) =>
    judgeOrphans({ orphans: 0, recent: 0, projects: 1_000, complete: true, ...found }, limits, allowed)?.kind;

  for (const { projects, allowed } of installations) {
    it(`orphans are allowed by the policy of the hold: ${allowed} of ${projects}`, () => {
      assert.equal(orphansIn({ orphans: allowed, projects }), undefined);
      assert.equal(orphansIn({ orphans: allowed + 1, projects }), 'too-many-orphans');
    });
  }

  it('orphans are as many as the hold would let through, where the relay was down for longer than the grace period', () => {
    assert.equal(orphansIn({ orphans: 100, projects: 1_600 }), undefined);
    assert.equal(orphansIn({ orphans: 150, projects: 1_600 }), 'too-many-orphans');
  });

  it('orphans count together with the deletions that became known by events within the window', () => {
    assert.equal(orphansIn({ orphans: 60, recent: 40 }), undefined);
    assert.equal(orphansIn({ orphans: 60, recent: 41 }), 'too-many-orphans');
    assert.equal(orphansIn({ orphans: 0, recent: 500 }), undefined, 'where nothing is deleted, nothing is stopped');
    const brake = judgeOrphans({ orphans: 60, recent: 50, projects: 1_000, complete: true }, brakes, {});
    assert.match(
      brake?.saw ?? '',
      /60 of 1000 projects are not in MongoDB, and 50 others were deleted within 10 minutes/,
    );
  });

  it('a number of orphans is allowed on purpose, whatever else was deleted', () => {
    assert.equal(orphansIn({ orphans: 5_000, recent: 99, projects: 10_000 }, { orphans: 5_000 }), undefined);
    assert.equal(orphansIn({ orphans: 5_001, projects: 10_000 }, { orphans: 5_000 }), 'too-many-orphans');
    assert.equal(orphansIn({ orphans: 1, projects: 10_000 }, { orphans: 0 }), 'too-many-orphans');
  });

  it('orphans are limited even where the hold is switched off', () => {
    const off = { ...brakes, deletions: { ...brakes.deletions, maxProjects: 0 } };
    assert.equal(orphansIn({ orphans: 100 }, {}, off), undefined);
    assert.equal(orphansIn({ orphans: 101 }, {}, off), 'too-many-orphans');
  });

  it('names the way to go on', () => {
    const brake = judgeOrphans({ orphans: 300, recent: 0, projects: 1_000, complete: true }, brakes, {});
    assert.match(brake?.saw ?? '', /300 of 1000 projects .* up to 100 are allowed/);
    assert.match(brake?.goOn ?? '', /--allow-orphans 300/);
    assert.match(brakeForSourceError(true, 'not authorized').goOn, /role "read"/);
  });

  it('a MongoDB that takes back what it said stops the run', () => {
    assert.equal(judgeContradictions(brakes.contradictions, brakes), undefined);
    assert.equal(judgeContradictions(brakes.contradictions + 1, brakes)?.kind, 'source-unsteady');
  });
});

// Attacks I1: a request that was made because changes may have been missed is not dealt with as long as MongoDB could
// not be asked.
describe('a request for a reconciliation', () => {
  const braked = (kind: BrakeKind, isSeen = false) =>
    reasonToRedeliver({ kind: 'braked', brake: { kind, saw: 'what was seen' }, isSeen });

  it('is redelivered while another one is at work', () => {
    assert.match(reasonToRedeliver({ kind: 'busy', until: 0 }) ?? '', /at work until 1970-01-01/);
  });

  it('is redelivered while MongoDB does not answer', () => {
    assert.equal(braked('source-unreachable'), 'what was seen');
  });

  it('is dealt with by every brake when a person sees it and asks again', () => {
    for (const kind of brakeKinds) assert.equal(braked(kind, true), undefined, kind);
  });

  it('is dealt with when a brake calls for a person, when it continues elsewhere, and when all is done', () => {
    for (const kind of brakeKinds) if (kind !== 'source-unreachable') assert.equal(braked(kind), undefined, kind);
    assert.equal(reasonToRedeliver({ kind: 'continued' }), undefined);
    assert.equal(reasonToRedeliver({ kind: 'done' }), undefined);
  });
});
