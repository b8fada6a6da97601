// Carrying the plan out: attacks "running it twice is harmless", "nothing is taken for missing that was refused" and
// "the printed script does what the program does". A stand-in for gcloud keeps in a folder what was made, and how it
// was called.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, ProvisionError } from '../../deploy/execute.ts';
import { projectsOf, readInvocation } from '../../deploy/options.ts';
import { plan } from '../../deploy/plan.ts';
import { quote, renderScript } from '../../deploy/shell.ts';
import { spawnCommand } from '../../deploy/spawnCommand.ts';
import { type Command, valueOfVariable } from '../../deploy/step.ts';
import { steppedClock } from '../support/clock.ts';
import { setVariables } from '../support/variables.ts';
import { exampleOptions as options } from './exampleOptions.ts';
import { answer, type NotedCall } from './gcloudStandIn.ts';

describe('provisioning', () => {
  let home: string;
  const said: string[] = [];
  const clock = steppedClock();

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lockstep-provision-'));
    said.length = 0;
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const run = async ({ argv: [, ...args], stdin }: Command) => answer(home, args, () => stdin ?? '');
  const provision = () => execute(plan(options), { run, clock, say: (line) => void said.push(line) });

  /** The calls since the last time this was asked. */
  const calls = (): NotedCall[] => {
    const file = join(home, 'calls');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    rmSync(file, { force: true });
    return lines.map((line) => JSON.parse(line));
  };
  const creations = () => calls().filter(({ args }) => args.includes('create') && !args.includes('identity'));

  it('does what it can before the first deployment, and the rest after it', async () => {
    const first = await provision();
    assert.ok(first.done > 30);
    for (const name of ['syncProject', 'syncDeletions']) {
      assert.ok(first.waiting.includes(`Retention, retries and dead letters of ${name}`));
    }
    assert.equal(calls().filter(({ args }) => args.includes('subscriptions')).length, 0);
    writeFileSync(join(home, 'DEPLOYED'), '');
    const second = await provision();
    assert.deepEqual(second.waiting, []);
    const updates = calls().filter(({ args }) => args.slice(0, 3).join(' ') === 'pubsub subscriptions update');
    assert.equal(updates.length, 5);
    assert.match(updates[0]?.args[3] ?? '', /^eventarc triggers\//);
  });

  it('makes nothing the second time', async () => {
    writeFileSync(join(home, 'DEPLOYED'), '');
    await provision();
    assert.ok(creations().length > 15);
    said.length = 0;
    await provision();
    assert.deepEqual(creations(), []);
    assert.ok(said.every((line) => !line.startsWith('created')));
  });

  it('stops at a refusal instead of taking it for something to create', async () => {
    writeFileSync(join(home, 'refuse'), 'topics describe project-events');
    await assert.rejects(provision(), (error) => {
      assert.ok(error instanceof ProvisionError);
      assert.match(error.message, /"Topic project-events" failed: gcloud pubsub topics describe project-events/);
      assert.match(error.message, /PERMISSION_DENIED/);
      assert.match(error.message, /run this again/);
      return true;
    });
    assert.deepEqual(creations(), []);
  });

  it('does not take a refusal for a function that is not deployed yet', async () => {
    writeFileSync(join(home, 'refuse'), 'functions describe syncProject');
    await assert.rejects(provision(), /"The service of syncProject" failed/);
  });

  it('tries again where an account may not be known everywhere yet, but not for ever', async () => {
    writeFileSync(join(home, 'refuse'), 'add-iam-policy-binding');
    await assert.rejects(provision(), /may publish to project-events" failed/);
    assert.equal(calls().filter(({ args }) => args.includes('add-iam-policy-binding')).length, 7);
  });

  it('says how to get gcloud where it is missing', async () => {
    await assert.rejects(
      spawnCommand({ argv: ['no-such-gcloud', 'version'] }),
      /no-such-gcloud is not installed or not on the PATH \(https:/,
    );
  });

  it('passes what a program reads, and returns what it says', async () => {
    const echo = await spawnCommand({ argv: ['cat'], stdin: 'a "b" $c\n' });
    assert.deepEqual(echo, { exitCode: 0, stdout: 'a "b" $c\n', stderr: '' });
    const failing = await spawnCommand({ argv: [process.execPath, '-e', 'console.error("no"); process.exit(3)'] });
    assert.deepEqual(failing, { exitCode: 3, stdout: '', stderr: 'no\n' });
  });

  /** Runs a bash script in which `gcloud` is the stand-in. */
  async function bash(script: string) {
    const standIn = fileURLToPath(new URL('gcloudStandIn.ts', import.meta.url));
    const program = `#!/bin/sh\nSTAND_IN_HOME='${home}' exec '${process.execPath}' '${standIn}' "$@"\n`;
    writeFileSync(join(home, 'gcloud'), program, { mode: 0o755 });
    return spawnCommand({ argv: ['env', `PATH=${home}:${process.env.PATH}`, 'bash', '-s'], stdin: script });
  }

  for (const deployed of [false, true]) {
    it(`the printed script makes the same calls ${deployed ? 'after' : 'before'} the deployment`, async () => {
      if (deployed) writeFileSync(join(home, 'DEPLOYED'), '');
      await provision();
      const own = calls();
      rmSync(join(home, 'made'), { force: true });
      const { exitCode, stderr } = await bash(renderScript(plan(options)));
      assert.equal(exitCode, 0, stderr);
      // A heredoc ends with a line break that the program does not send.
      assert.deepEqual(
        calls().map((call) => ({ ...call, stdin: call.stdin.trimEnd() })),
        own,
      );
      assert.equal(stderr.includes('waiting: The subscription of syncProject'), !deployed);
      // Some seventy processes, each of which takes its time to start.
    }).timeout(120_000);
  }

  it('the printed script stops at a refusal too', async () => {
    writeFileSync(join(home, 'refuse'), 'topics describe project-events');
    const { exitCode, stderr } = await bash(renderScript(plan(options)));
    assert.notEqual(exitCode, 0);
    assert.match(stderr, /PERMISSION_DENIED/);
    assert.deepEqual(creations(), []);
  });

  it('the printed script makes no command of any parameter', async () => {
    writeFileSync(join(home, 'DEPLOYED'), '');
    const canary = join(home, 'canary');
    const touch = `touch ${canary}`;
    const hostile = [
      `$(${touch})`,
      `\`${touch}\``,
      `'; ${touch}; '`,
      `"; ${touch}; #`,
      `&& ${touch}`,
      `\\"; ${touch}`,
      `> ${canary}`,
    ];
    const [events = '', deadLetters = '', requests = '', database = '', project = '', ...channels] = hostile;
    const topics = { events, deletions: requests, deadLetters, requests, alerts: events, converged: requests };
    const steps = plan({
      ...options,
      project,
      region: `'$(${touch})`,
      database,
      topics,
      secret: events,
      notificationChannels: channels,
    });
    await execute(steps, { run, clock, say: () => {} });
    const own = calls();
    rmSync(join(home, 'made'), { force: true });
    const { exitCode, stderr } = await bash(renderScript(steps));
    assert.equal(exitCode, 0, stderr);
    assert.ok(!existsSync(canary), 'a parameter was run');
    assert.deepEqual(
      calls().map((call) => ({ ...call, stdin: call.stdin.trimEnd() })),
      own,
    );
  }).timeout(120_000);

  it('refuses to print what ends a comment, hides from a reviewer, or is a variable that is not the plan’s', () => {
    for (const value of ['a\nrm -rf /', 'a\rb', 'a\u001b[2K', 'a\u202eb', 'a\u0000', 'a\u2028b']) {
      const topics = { ...options.topics, events: value };
      assert.throws(() => renderScript(plan({ ...options, topics })), /control characters/, JSON.stringify(value));
      assert.throws(() => renderScript(plan({ ...options, database: value })), /control characters/);
    }
    const topics = { ...options.topics, events: valueOfVariable('HOME') };
    assert.throws(() => renderScript(plan({ ...options, topics })), /refers to \$\{HOME\}, which no step looks up/);
  });

  it('prints what gcloud and the parameters say without their control characters', async () => {
    writeFileSync(join(home, 'refuse'), 'topics describe');
    const steps = plan({ ...options, topics: { ...options.topics, events: 'x\u001b[31m\n' } });
    const failing = execute(steps, { run, clock, say: (line) => void said.push(line) });
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof ProvisionError);
      assert.match(error.message, /Topic x\\u001b\[31m\\u000a" failed/);
      for (const line of error.message.split('\n')) assert.doesNotMatch(line, /\p{Cc}/u);
      return true;
    });
  });

  it('quotes every argument so that bash passes it on unchanged', async () => {
    const nasty = [
      'plain',
      'two words',
      "it's",
      '"quoted"',
      '$HOME',
      '`id`',
      'a\\b',
      '',
      '*',
      '~',
      'a;b&c|d',
      'ümläut',
      '(x)',
      '!x',
      '#x',
      valueOfVariable('lower'),
    ];
    const { stdout } = await bash(`for a in ${nasty.map(quote).join(' ')}; do printf '%s\\n' "$a"; done`);
    assert.deepEqual(stdout.split('\n').slice(0, -1), nasty);
    const mixed = quote(`a "b" \`c\` \\ $d ${valueOfVariable('VALUE')}!`);
    const filled = await bash(`VALUE='$(x) "y"'; printf '%s' ${mixed}`);
    assert.equal(filled.stdout, 'a "b" `c` \\ $d $(x) "y"!');
  });
});

describe('provisioning: command line', () => {
  const read = (...args: string[]) => readInvocation(args, (id) => ({ id, load: () => {} }));

  it('reads the project and falls back to the deployment’s parameters', () => {
    const invocation = read('--project', 'acme-films', '--dry-run');
    assert.ok(invocation.kind === 'provision');
    assert.equal(invocation.dryRun, true);
    assert.equal(invocation.options.region, 'us-central1');
    assert.equal(invocation.options.topics.events, 'project-events');
    assert.equal(invocation.options.secret, 'MONGODB_URI');
    assert.equal(invocation.options.database, '(default)');
  });

  it('says what is wrong', () => {
    for (const [args, problem] of [
      [[], /--project is missing/],
      [['--project', 'No Project'], /"No Project" is not the id of a project/],
      [['--project', 'acme-films', '--notification-channel', '7'], /expected projects\/ID\/notificationChannels/],
      [['--projekt', 'acme-films'], /Unknown option '--projekt'/],
      // It would prepare a database that the functions do not use.
      [['--project', 'acme-films', '--database', 'studio'], /Unknown option '--database'/],
      [
        ['--project', 'acme-films', '--notification-channel', 'projects/a/notificationChannels/$(x)'],
        /expected projects/,
      ],
      [['--project', 'acme-films', 'again'], /Unexpected argument 'again'/],
    ] as const) {
      const invocation = read(...args);
      assert.ok(invocation.kind === 'mistake', args.join(' '));
      assert.match(invocation.problem, problem);
    }
    assert.equal(read('--help').kind, 'help');
  });

  it('takes no topic that gcloud would read as an option', () => {
    const before = process.env.PROJECT_EVENTS_TOPIC;
    try {
      for (const name of ['--flags-file=x', '$(id)', 'a b', 'goog-topic', 'x\n']) {
        process.env.PROJECT_EVENTS_TOPIC = name;
        const invocation = read('--project', 'acme-films');
        assert.match(invocation.kind === 'mistake' ? invocation.problem : '', /is not the name of a topic/, name);
      }
    } finally {
      if (before === undefined) delete process.env.PROJECT_EVENTS_TOPIC;
      else process.env.PROJECT_EVENTS_TOPIC = before;
    }
  });

  it('refuses parameters with which the functions would not start', () => {
    for (const [variables, problem] of [
      [{ LOCKSTEP_REGION: 'Europe' }, /LOCKSTEP_REGION: "Europe" is not a region/],
      [{ FIRESTORE_DATABASE: 'x" || true || "' }, /FIRESTORE_DATABASE: .* is not the id of a database/],
      [{ SYNC_BUDGET_SECONDS: '540' }, /SYNC_BUDGET_SECONDS: expected at most 530/],
    ] as const) {
      const restore = setVariables(variables);
      try {
        const invocation = read('--project', 'acme-films');
        assert.match(invocation.kind === 'mistake' ? invocation.problem : '', problem);
      } finally {
        restore();
      }
    }
  });

  it('prepares the database that the functions use', () => {
    const restore = setVariables({ FIRESTORE_DATABASE: 'studio', LOCKSTEP_REGION: 'europe-west1' });
    try {
      const invocation = read('--project', 'acme-films');
      assert.ok(invocation.kind === 'provision');
      assert.equal(invocation.options.region, 'europe-west1');
      const commands = plan(invocation.options).flatMap((step) =>
        'command' in step ? [step.command.argv.join(' ')] : [],
      );
      const named = commands.filter((command) => /--database=|databases\//.test(command));
      assert.ok(named.length >= 6, `${named.length} commands name the database`);
      assert.deepEqual(
        named.filter((command) => !/--database=studio\b|databases\/studio"/.test(command)),
        [],
      );
    } finally {
      restore();
    }
  });

  it('takes parameters from the same files as "firebase deploy"', () => {
    const directory = mkdtempSync(join(tmpdir(), 'lockstep-env-'));
    const before = process.env.PROJECT_EVENTS_TOPIC;
    try {
      writeFileSync(
        join(directory, '.env'),
        '\ufeffRECONCILIATION_REQUESTS_TOPIC=asked\r\nPROJECT_EVENTS_TOPIC=common\r\n',
      );
      writeFileSync(join(directory, '.env.acme-films'), 'PROJECT_EVENTS_TOPIC=of-acme\n');
      const invocation = readInvocation(['--project', 'acme-films'], projectsOf(directory));
      assert.ok(invocation.kind === 'provision');
      assert.equal(invocation.options.topics.events, 'of-acme');
      assert.equal(invocation.options.topics.requests, 'asked');
    } finally {
      if (before === undefined) delete process.env.PROJECT_EVENTS_TOPIC;
      delete process.env.RECONCILIATION_REQUESTS_TOPIC;
      rmSync(directory, { recursive: true });
    }
  });

  it('takes those of an alias where the alias names the project, and refuses what the CLI would read otherwise', () => {
    const root = mkdtempSync(join(tmpdir(), 'lockstep-alias-'));
    const restore = setVariables({ PROJECT_EVENTS_TOPIC: '' });
    const directory = join(root, 'functions');
    const write = (name: string, topic: string) =>
      writeFileSync(join(directory, name), `PROJECT_EVENTS_TOPIC=${topic}\n`);
    const provisioned = (name: string) => {
      delete process.env.PROJECT_EVENTS_TOPIC;
      const invocation = readInvocation(['--project', name], projectsOf(directory));
      if (invocation.kind !== 'provision') return invocation.kind === 'mistake' ? invocation.problem : '';
      return [invocation.options.project, invocation.options.topics.events];
    };
    try {
      mkdirSync(directory);
      writeFileSync(join(root, '.firebaserc'), '{ "projects": { "default": "acme-films", "prod": "acme-films" } }');
      write('.env', 'common');
      assert.deepEqual(provisioned('prod'), ['acme-films', 'common']);
      write('.env.prod', 'of-prod');
      assert.deepEqual(provisioned('prod'), ['acme-films', 'of-prod']);
      for (const name of ['acme-films', 'default']) {
        assert.match(String(provisioned(name)), /\.env\.prod: .*only for --project prod.* rename it \.env\.acme-films/);
      }
      write('.env.acme-films', 'of-acme');
      assert.match(String(provisioned('prod')), /refuses both/);
      rmSync(join(directory, '.env.prod'));
      for (const name of ['acme-films', 'prod']) assert.deepEqual(provisioned(name), ['acme-films', 'of-acme']);
    } finally {
      delete process.env.PROJECT_EVENTS_TOPIC;
      restore();
      rmSync(root, { recursive: true });
    }
  });
});
