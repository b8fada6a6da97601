// Whether a project is in step, asked over HTTP: attacks "an answer says only what the records prove".
import assert from 'node:assert/strict';
import { writeAll } from '../../local/demo/writeAll.ts';
import { type ApiFixture, requestTo, startApi } from './api.fixture.ts';
import { projectDocument, projectOf } from './records.fixture.ts';

describe('GET /api/projects/{id}/in-step', () => {
  let fixture: ApiFixture;
  let api: ReturnType<ApiFixture['instance']>;
  beforeEach(async () => {
    fixture = await startApi();
    api = fixture.instance();
    await writeAll(fixture.firestore, [projectDocument(3)]);
  });
  afterEach(() => fixture.close());

  async function ask(query: string) {
    const path = `/api/projects/${projectOf(3)}/in-step?${query}`;
    const response = await api(requestTo(path, fixture.token('local-viewer')));
    return { status: response.status, text: await response.text() };
  }

  it('answers with what the record shows, and with a timeout where it does not', async () => {
    const before = fixture.server.meter.snapshot();
    const shown = await ask('atLeast=1700000000:1&fields=name');
    assert.equal(fixture.server.meter.diff(before).reads, 1);
    assert.equal(shown.status, 200);
    assert.deepEqual(JSON.parse(shown.text), { kind: 'in-step', version: '6553f100000000010000', revision: 1 });
    const later = await ask('atLeast=1700000001:1&timeoutMs=0');
    assert.deepEqual(JSON.parse(later.text), { kind: 'timed-out', waitingFor: 'relay' });
  });

  it('refuses what it does not understand, by name', async () => {
    for (const [query, field] of [
      ['', 'atLeast'],
      ['atLeast=yesterday', 'atLeast'],
      ['atLeast=1:1&fields=budget', 'fields'],
      ['atLeast=1:1&timeoutMs=20001', 'timeoutMs'],
      ['atLeast=1:1&since=2', 'since'],
    ] as const) {
      const { status, text } = await ask(query);
      assert.equal(status, 400, text);
      assert.match(text, new RegExp(`"field":"${field}"`));
    }
  });
});
