import { delimiter, dirname } from 'node:path';

/** What a child inherits from the machine; everything else a function reads has to be given, as in the cloud. */
const inheritedVariables = [
  ...['HOME', 'LANG', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot'],
  ...['NODE_COMPILE_CACHE', 'NODE_V8_COVERAGE'],
];

export interface EnvironmentOptions {
  readonly projectId: string;
  readonly pubsubHost: string;
  /** Settings, parameters and secrets of the functions; they win over what this file sets. */
  readonly env: Readonly<Record<string, string>>;
}

/** The environment of every process that loads the bundle. */
export function bundleEnvironment(options: EnvironmentOptions): Record<string, string> {
  const inherited = inheritedVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
    TZ: 'UTC',
    NODE_ENV: 'production',
    GCLOUD_PROJECT: options.projectId,
    FIREBASE_CONFIG: JSON.stringify({ projectId: options.projectId }),
    PUBSUB_EMULATOR_HOST: options.pubsubHost,
    // Google's clients look for the metadata server of its machines. There is none, and on some networks the search
    // takes seconds.
    METADATA_SERVER_DETECTION: 'none',
    ...options.env,
  };
}

/** What Cloud Run adds for one function. With an Auth emulator it leaves out `K_SERVICE`, by which code knows that
 *  it is deployed and must not take an emulator's tokens. */
export function functionEnvironment(name: string, isEvent: boolean, hasAuthEmulator: boolean): Record<string, string> {
  return {
    ...(!hasAuthEmulator && { K_SERVICE: name }),
    K_REVISION: `${name}-00001`,
    FUNCTION_TARGET: name.replaceAll('-', '.'),
    FUNCTION_SIGNATURE_TYPE: isEvent ? 'cloudevent' : 'http',
  };
}

/** A function sees the secrets that it lists, and no others: in the cloud, one that was forgotten in the list is missed
 *  at once. */
export function withoutOtherSecrets(
  env: Readonly<Record<string, string>>,
  secrets: readonly string[],
  own: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => own.includes(name) || !secrets.includes(name)));
}
