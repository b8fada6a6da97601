import assert from 'node:assert/strict';
import { minuteMs } from '../../src/clock.ts';
import { deployedFileSettings } from '../../src/files/deployedFiles.ts';
import { setVariables } from '../support/variables.ts';
import { filesConfig } from './files.fixture.ts';

describe('where files are in a deployment', () => {
  const settingsWith = (variables: Readonly<Record<string, string>>) => {
    const restore = setVariables({ FILES_BUCKET: '', FILES_PREFIX: '', STORAGE_EMULATOR_HOST: '', ...variables });
    try {
      return deployedFileSettings(filesConfig);
    } finally {
      restore();
    }
  };

  it('is nowhere where no collection has files', () => {
    assert.equal(deployedFileSettings({ collections: [] }), undefined);
  });

  it('is what its parameters say, and URLs of a local server count only where there is one', () => {
    const deployed = { FILES_BUCKET: 'studio', FILES_PREFIX: 'media/' };
    const place = { bucket: 'studio', prefix: 'media/', emulator: null };
    assert.deepEqual(settingsWith(deployed), { place, graceMs: 60 * minuteMs });
    const local = settingsWith({ ...deployed, STORAGE_EMULATOR_HOST: 'http://127.0.0.1:9199/' });
    assert.equal(local?.place.emulator, 'http://127.0.0.1:9199');
  });

  it('is refused where a parameter is missing: a file would be forgotten', () => {
    assert.throws(() => settingsWith({ FILES_BUCKET: 'studio' }), /set FILES_BUCKET and FILES_PREFIX/);
  });
});
