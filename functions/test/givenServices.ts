// The services that whoever runs the tests has named. They are taken out of the environment before the first test: most
// tests start servers of their own, with faults and clocks, and the client libraries would follow the variables
// instead.

/** The variables that name services which run elsewhere. */
export const serviceVariables = ['MONGODB_URI', 'FIRESTORE_EMULATOR_HOST', 'PUBSUB_EMULATOR_HOST'] as const;

/** For the tests of the whole path, which run on any services. */
export const givenServices: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  serviceVariables.map((name) => [name, process.env[name]]),
);

for (const name of serviceVariables) delete process.env[name];
