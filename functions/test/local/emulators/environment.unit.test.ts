// What the CLI is started with: attacks "the user's settings and accounts are neither used nor changed".
import assert from 'node:assert/strict';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { cliEnvironment, withoutCallingNpm } from '../../../local/emulators/firebaseCli.ts';
import { readFirebaseJson, variableLines, withAuthEmulator, withPorts } from '../../../local/emulators/stage.ts';

describe('the environment of the CLI', () => {
  const base = {
    PATH: '/bin',
    HOME: '/home/me',
    XDG_CONFIG_HOME: '/home/me/.config',
    GOOGLE_APPLICATION_CREDENTIALS: '/home/me/key.json',
    FIREBASE_TOKEN: 'secret',
    FIRESTORE_EMULATOR_HOST: 'elsewhere:1',
    npm_package_name: 'lockstep',
    npm_config_registry: 'https://registry.example',
  };

  it('leads to no account and to no service but those given', () => {
    const env = cliEnvironment(base, '/tmp/home', { MONGODB_URI: 'mongodb://m', PUBSUB_EMULATOR_HOST: undefined });
    for (const name of ['GOOGLE_APPLICATION_CREDENTIALS', 'FIREBASE_TOKEN', 'FIRESTORE_EMULATOR_HOST']) {
      assert.ok(!(name in env), name);
    }
    assert.equal(env.HOME, '/tmp/home');
    assert.equal(env.XDG_CONFIG_HOME, '/tmp/home/.config');
    assert.equal(env.MONGODB_URI, 'mongodb://m');
    assert.equal(env.PATH, '/bin');
    assert.ok(!('PUBSUB_EMULATOR_HOST' in env));
  });

  it('finds the downloads where everybody finds them, in spite of its own home', () => {
    assert.ok(!cliEnvironment(base, '/tmp/home', {}).FIREBASE_EMULATORS_PATH?.startsWith('/tmp/home'));
    const chosen = cliEnvironment({ ...base, FIREBASE_EMULATORS_PATH: '/opt/emulators' }, '/tmp/home', {});
    assert.equal(chosen.FIREBASE_EMULATORS_PATH, '/opt/emulators');
  });

  it("keeps npm's settings, without what npm says about this package", () => {
    const env = withoutCallingNpm({
      ...base,
      npm_lifecycle_event: 'emulators',
      npm_config_prefix: '/work',
      npm_config_local_prefix: '/work',
    });
    assert.deepEqual(
      Object.keys(env).filter((name) => name.startsWith('npm_')),
      ['npm_config_registry'],
    );
  });
});

describe('a variables file', () => {
  it('gives back what was put in, connection strings with all their signs', () => {
    const uri = 'mongodb+srv://user:p%40ss@cluster.example/?replicaSet=rs0&w=majority#x';
    assert.equal(parseEnv(variableLines({ MONGODB_URI: uri })).MONGODB_URI, uri);
    const seed = 20_261_122;
    fc.assert(
      fc.property(fc.stringMatching(/^[ -!#-&(-[\]-_a-~]*$/), (value) => {
        assert.equal(parseEnv(variableLines({ A: value })).A, value);
      }),
      { seed },
    );
  });
});

describe('firebase.json', () => {
  const json = {
    functions: [{ source: 'functions', ignore: [], codebase: 'lockstep' }],
    firestore: { rules: 'firestore.rules' },
    hosting: {
      public: 'functions/web/dist',
      headers: [
        {
          source: '**',
          headers: [{ key: 'Content-Security-Policy', value: "default-src 'none'; connect-src 'self' https://x" }],
        },
      ],
    },
    emulators: {
      functions: { host: '0.0.0.0', port: 5001 },
      firestore: { port: 8080 },
      pubsub: { port: 8085 },
      auth: { port: 9099 },
      hosting: { port: 5000 },
      ui: { enabled: false },
    },
  };

  it('is passed on as it is, with other ports', () => {
    const parsed = readFirebaseJson(JSON.stringify(json));
    const moved = withPorts(parsed, { functions: 1, hub: 2 });
    assert.deepEqual(moved.emulators, {
      functions: { host: '0.0.0.0', port: 1 },
      firestore: { host: '127.0.0.1', port: 8080 },
      pubsub: { host: '127.0.0.1', port: 8085 },
      auth: { host: '127.0.0.1', port: 9099 },
      hosting: { host: '127.0.0.1', port: 5000 },
      hub: { host: '127.0.0.1', port: 2 },
      ui: { enabled: false },
    });
    assert.deepEqual(moved.functions, json.functions);
    assert.deepEqual(parsed.emulators.functions.port, 5001);
  });

  it('lets a page that signs in with the Auth emulator connect to it, and nothing else', () => {
    const { hosting } = withAuthEmulator(readFirebaseJson(JSON.stringify(json)));
    const [policy] = hosting.headers[0]?.headers ?? [];
    assert.equal(policy?.value, "default-src 'none'; connect-src 'self' http://127.0.0.1:9099 https://x");
    const shipped = withAuthEmulator(readFirebaseJson()).hosting.headers.flatMap(({ headers }) => headers);
    assert.ok(shipped.some(({ value }) => value.includes("connect-src 'self' http://127.0.0.1:9099 ")));
  });

  it('is refused with the place where something is missing', () => {
    const { pubsub: _none, ...emulators } = json.emulators;
    assert.throws(() => readFirebaseJson(JSON.stringify({ ...json, emulators })), /emulators\.pubsub/);
  });
});
