/** What Firebase needs to know, as Hosting tells it: https://firebase.google.com/docs/hosting/reserved-urls */
export interface AuthSettings {
  readonly app: { readonly apiKey: string; readonly authDomain?: string; readonly projectId: string };
  /** Address of an Auth emulator; never when the page comes from elsewhere than this machine. */
  readonly emulator?: string;
}

const noApp = 'Firebase has no web app in this project. Add one: firebase apps:create web';

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether the page was served by this machine: only then is an emulator's sign-in offered. */
export const isLocalPage = (hostname: string): boolean => loopback.has(hostname);

/** Reads the settings from where the page was served.
 *  @throws Error that says what is missing */
export async function readSettings(hostname: string, read: typeof fetch): Promise<AuthSettings> {
  if (!isLocalPage(hostname)) return { app: await initJson(read) };
  const response = await read('/__/firebase/init.js?useEmulator=true');
  if (!response.ok) throw missing(response.status);
  return localSettings(await response.text());
}

async function initJson(read: typeof fetch): Promise<AuthSettings['app']> {
  const response = await read('/__/firebase/init.json');
  if (!response.ok) throw missing(response.status);
  const app: unknown = await response.json();
  if (!isApp(app)) throw new Error(noApp);
  return app;
}

/** Emulators tell their addresses only in the script that would set up the whole SDK; the values are JSON within it. */
export function localSettings(script: string): AuthSettings {
  const app: unknown = valueIn(script, 'firebaseConfig');
  const emulators: unknown = valueIn(script, 'firebaseEmulators');
  if (!isApp(app)) throw new Error(noApp);
  return { app, ...(hasAuth(emulators) && { emulator: `http://${emulators.auth.hostAndPort}` }) };
}

function valueIn(script: string, name: string): unknown {
  const found = script.match(new RegExp(`var ${name} = (\\{[\\s\\S]*?\\n?\\});`))?.[1];
  return found === undefined ? undefined : JSON.parse(found);
}

function isApp(value: unknown): value is AuthSettings['app'] {
  return typeof value === 'object' && value !== null && 'apiKey' in value && 'projectId' in value;
}

function hasAuth(value: unknown): value is { auth: { hostAndPort: string } } {
  return typeof value === 'object' && value !== null && 'auth' in value;
}

const missing = (status: number) =>
  new Error(
    `Firebase's settings cannot be read (status ${status}). Serve the page by Firebase Hosting, or by npm run local.`,
  );
