// What all functions are started with (functions/.env).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { syncInstanceMiB } from '../../src/sync/instance.ts';

/** Prints how large the space for new objects has become, in MiB, while many of them stayed for a while. */
const program = `
  const { getHeapSpaceStatistics } = require('node:v8');
  const size = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
  let kept = [];
  let most = 0;
  for (let at = 0; at < 500_000; at += 1) {
    kept.push({ at, some: [at] });
    if (kept.length === 50_000) kept = [];
    if (at % 10_000 === 0) most = Math.max(most, size());
  }
  console.log(most / 1024 / 1024);
`;

describe('the options of Node in functions/.env', () => {
  it('give an instance room for new objects, of which V8 has 1 MiB twice by itself', () => {
    const { NODE_OPTIONS } = parseEnv(readFileSync(join(import.meta.dirname, '..', '..', '.env'), 'utf8'));
    const heap = `--max-heap-size=${syncInstanceMiB / 2}`;
    const printed = execFileSync(process.execPath, [heap, '-e', program], {
      env: { ...process.env, NODE_OPTIONS },
      encoding: 'utf8',
    });
    // V8 adds a page or two for what survives.
    assert.ok(Number(printed) >= 16 && Number(printed) < 18, printed);
  });
});
