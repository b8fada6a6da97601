import assert from 'node:assert/strict';
import {
  type BrakeKind,
  brakeForSourceError,
  brakeKinds,
  judgeContradictions,
  judgeOrphans,
  judgeSource,
  reasonToRedeliver,
  type SourceLook,
} from '../../src/reconcile/brakes.ts';
import { defaultReconcileLimits } from '../../src/reconcile/limits.ts';

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

  it('orphans are allowed up to a share, a number, and a number on purpose', () => {
    const orphans = (count: number, projects: number, allowed = {}) =>
      judgeOrphans({ orphans: count, projects, complete: true, named: false }, brakes, allowed)?.kind;
    assert.equal(orphans(1, 1), undefined);
    assert.equal(orphans(2, 2), 'too-many-orphans');
    assert.equal(orphans(3, 15), undefined);
    assert.equal(orphans(4, 15), 'too-many-orphans');
    assert.equal(orphans(20, 80), undefined);
    assert.equal(orphans(21, 80), 'too-many-orphans');
    assert.equal(orphans(20, 150), undefined);
    assert.equal(orphans(21, 150), 'too-many-orphans');
    assert.equal(orphans(100, 1_000), undefined);
    assert.equal(orphans(101, 1_000), 'too-many-orphans');
    assert.equal(orphans(1_000, 1_000_000), undefined);
    assert.equal(orphans(1_001, 1_000_000), 'too-many-orphans');
    assert.equal(orphans(5_000, 10_000, { orphans: 5_000 }), undefined);
    assert.equal(orphans(5_001, 10_000, { orphans: 5_000 }), 'too-many-orphans');
    assert.equal(orphans(1, 10_000, { orphans: 0 }), 'too-many-orphans');
  });

  it('orphans that somebody has named are allowed up to a number, though they be all there is', () => {
    const named = (count: number, allowed = {}) =>
      judgeOrphans({ orphans: count, projects: count, complete: true, named: true }, brakes, allowed)?.kind;
    assert.equal(named(20), undefined);
    assert.equal(named(21), 'too-many-orphans');
    assert.equal(named(1, { orphans: 0 }), 'too-many-orphans');
  });

  it('before everything is seen, only what can never be allowed counts', () => {
    const early = (count: number, projects: number, allowed = {}) =>
      judgeOrphans({ orphans: count, projects, complete: false, named: false }, brakes, allowed)?.kind;
    assert.equal(early(200, 200), undefined);
    assert.equal(early(1_001, 1_001), 'too-many-orphans');
    assert.equal(early(11, 11, { orphans: 10 }), 'too-many-orphans');
  });

  it('names the way to go on', () => {
    const brake = judgeOrphans({ orphans: 300, projects: 1_000, complete: true, named: false }, brakes, {});
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
  const braked = (kind: BrakeKind) => reasonToRedeliver({ kind: 'braked', brake: { kind, saw: 'what was seen' } });

  it('is redelivered while another one is at work', () => {
    assert.match(reasonToRedeliver({ kind: 'busy', until: 0 }) ?? '', /at work until 1970-01-01/);
  });

  it('is redelivered while MongoDB does not answer', () => {
    assert.equal(braked('source-unreachable'), 'what was seen');
  });

  it('is dealt with when a brake calls for a person, when it continues elsewhere, and when all is done', () => {
    for (const kind of brakeKinds) if (kind !== 'source-unreachable') assert.equal(braked(kind), undefined, kind);
    assert.equal(reasonToRedeliver({ kind: 'continued' }), undefined);
    assert.equal(reasonToRedeliver({ kind: 'done' }), undefined);
  });
});
