import { z } from 'zod';

const address = z.looseObject({ host: z.string().default('127.0.0.1'), port: z.number() });

/** The part of `firebase.json` that these commands use; the rest is passed on as it is. */
const schema = z.looseObject({
  functions: z.array(z.looseObject({ source: z.string(), ignore: z.array(z.string()) })).min(1),
  emulators: z.looseObject({ functions: address, firestore: address, pubsub: address }),
});

export type FirebaseJson = z.infer<typeof schema>;

/** The emulators whose ports `firebase.json` sets. */
export type EmulatorName = 'functions' | 'firestore' | 'pubsub';

/** The other ports that the CLI opens; where `firebase.json` does not set them it takes the next free one. */
export const furtherEmulators = ['hub', 'logging', 'eventarc', 'tasks'] as const;

/** Reads the text of a `firebase.json`.
 *  @throws Error that names what is missing in it */
export function parseFirebaseJson(text: string): FirebaseJson {
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`firebase.json cannot be used for the emulators: ${problems.join('; ')}`);
}

/** The same file with other ports. */
export function withPorts(json: FirebaseJson, ports: ReadonlyMap<string, number>): FirebaseJson {
  const emulators = structuredClone(json.emulators);
  for (const [name, port] of ports) {
    const before: unknown = emulators[name];
    emulators[name] = { host: '127.0.0.1', ...(typeof before === 'object' ? before : {}), port };
  }
  return { ...json, emulators };
}
