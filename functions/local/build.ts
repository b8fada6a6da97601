// `npm run build`: compiles src/ to lib/, which is what Cloud Functions load. Old output is removed first, so that
// nothing stale is deployed.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const functionsDir = join(import.meta.dirname, '..');

rmSync(join(functionsDir, 'lib'), { recursive: true, force: true });
const compiler = join(functionsDir, 'node_modules', 'typescript', 'bin', 'tsc');
const run = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: functionsDir,
  stdio: 'inherit',
});
if (run.status !== 0) process.exit(run.status ?? 1);
console.log('built lib/ from src/');
