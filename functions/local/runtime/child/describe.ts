// A child process that loads a bundle as a deployment does, reports to the supervisor what it exports, and ends.
import type { ChildMessage, FunctionSpec, Manifest } from '../manifest.ts';
import { describeEndpoint } from './endpoint.ts';
import { loadFunctions } from './loadBundle.ts';
import { exitWithSupervisor } from './orphanGuard.ts';
import { resolveParams } from './params.ts';

exitWithSupervisor();

const [bundle] = process.argv.slice(2);
if (bundle === undefined) throw new Error('usage: describe.ts BUNDLE');

// Deployments load a bundle with this set: firebase-functions then reports parameters that are read before they have a
// value.
process.env.FUNCTIONS_CONTROL_API = 'true';
const exported = await loadFunctions(bundle);
delete process.env.FUNCTIONS_CONTROL_API;

const { params, secrets, missing } = resolveParams(process.env);
const functions: FunctionSpec[] = [];
const unsupported: Manifest['unsupported'] = [];
for (const [name, { __endpoint }] of exported) {
  const described = describeEndpoint(name, __endpoint);
  if (described.kind === 'supported') functions.push(described.spec);
  else if (described.kind === 'unsupported') unsupported.push({ name, trigger: described.trigger });
}
const message: ChildMessage = { kind: 'manifest', manifest: { functions, unsupported, params, secrets, missing } };
process.send?.(message, () => process.exit(0));
