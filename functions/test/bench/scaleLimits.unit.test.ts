// The limits of the benchmark `scale`: attacks a figure that passes one silently.
import assert from 'node:assert/strict';
import { bytesPerMebibyte, checkScale, type ScaleRun, type ScaleRuns } from '../../bench/scale/limits.ts';

const run = (title: string, assets: number, mebibytes: number): ScaleRun => ({
  title,
  assets,
  reads: assets * 1.03,
  deletes: assets,
  invocations: 2,
  peakRss: mebibytes * bytesPerMebibyte,
});
const within: ScaleRuns = {
  small: { ...run('small', 10_000, 100), invocations: 1 },
  large: run('large', 200_000, 164),
  short: run('short', 200_000, 164),
};

describe('limits of the benchmark of large projects', () => {
  it('let pass what stays within them', () => {
    for (const atFullSize of [true, false]) checkScale(within, atFullSize);
  });

  it('name the limit that was passed, and the figure', () => {
    const { small, large, short } = within;
    const figures: readonly (readonly [ScaleRuns, RegExp])[] = [
      [{ ...within, small: { ...small, reads: 10_301 } }, /^Error: small: .*1\.03 reads per asset, measured: 1\.0301$/],
      [{ ...within, large: { ...large, reads: Number.NaN } }, /^Error: large: .*1\.03 reads per asset, measured: NaN$/],
      [{ ...within, large: run('large', 200_000, 164.1) }, /^Error: large: .*64 MiB above .*, measured: 64\.1 MiB$/],
      [{ ...within, short: run('short', 200_000, 170) }, /^Error: short: .*64 MiB above .*, measured: 70\.0 MiB$/],
    ];
    for (const [runs, message] of figures) {
      assert.throws(() => checkScale(runs, true), message);
      checkScale(runs, false);
    }
    for (const atFullSize of [true, false]) {
      const onceMore = { ...large, deletes: large.assets + 1 };
      assert.throws(
        () => checkScale({ ...within, large: onceMore }, atFullSize),
        /1 delete per asset, measured: 200001/,
      );
      const inOne = { ...short, invocations: 1 };
      assert.throws(() => checkScale({ ...within, short: inOne }, atFullSize), /several invocations, measured: 1$/);
    }
  });
});
