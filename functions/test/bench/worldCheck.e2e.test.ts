// The model against this machine, at a ten-thousandth of the size: attacks a model that bills something else than
// Firestore does. Times are not judged: they depend on the machine.
import assert from 'node:assert/strict';
import { checkModel, wrongOperations } from '../../bench/world/check.ts';
import { checkSizes } from '../../bench/world/printCheck.ts';

/** Servers and an instance of their own. */
const patienceMs = 120_000;

describe('bench -- world --check', () => {
  it('has the model and the machine bill the same, within a tenth', async function () {
    this.timeout(patienceMs);
    const checked = await checkModel(checkSizes.quick, 15, () => undefined);
    assert.deepEqual(
      checked.map(({ scenario, changes }) => [scenario, changes]),
      [
        ['mass deletion', 10],
        ['outage', 10],
      ],
    );
    assert.deepEqual(wrongOperations(checked), []);
    for (const { model, machine } of checked) assert.ok(model.seconds > 0 && machine.seconds > 0);
  });

  it('says which operations a model has wrong', () => {
    const machine = { seconds: 1, cpuSeconds: 1, reads: 100, writes: 10, deletes: 1_000 };
    const wrong = wrongOperations([
      {
        scenario: 'outage',
        changes: 1,
        assets: 1,
        machine,
        model: { ...machine, seconds: 9, reads: 111, writes: 10.5 },
      },
    ]);
    assert.deepEqual(wrong, ['outage: 111 reads in the model, 100 were billed']);
  });
});
