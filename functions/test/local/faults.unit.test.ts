import assert from 'node:assert/strict';
import { createFaults } from '../../local/faults.ts';

describe('faults', () => {
  it('meets each injected fault as often as asked, then no more', () => {
    const faults = createFaults();
    faults.inject('Commit', { error: { code: 'ABORTED' } }, 2);
    assert.equal(faults.take('RunQuery'), undefined);
    assert.equal(faults.take('Commit')?.error?.code, 'ABORTED');
    assert.equal(faults.pending(), 1);
    assert.equal(faults.take('Commit')?.error?.code, 'ABORTED');
    assert.equal(faults.take('Commit'), undefined);
  });
});
