// A bundle with one function: what `guard: true` on the prototypes deploys. The demo runs it for one scenario, so that
// the others have the functions of the configuration as it is shipped.
import config from '../../src/lockstep.config.ts';
import { createServices } from '../../src/triggers/services.ts';
import { watchAssetsFunctions } from '../../src/triggers/watchAssets.ts';

const collections = config.collections.map((collection) => ({
  ...collection,
  guard: collection.name === 'prototypes',
  files: [],
}));

export const watch = watchAssetsFunctions(createServices({ ...config, collections }));
