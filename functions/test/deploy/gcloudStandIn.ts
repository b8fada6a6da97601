import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit, stderr, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

/** A call of the stand-in, as it noted it. */
export interface NotedCall {
  readonly args: readonly string[];
  readonly stdin: string;
}

const verbs = ['describe', 'create', 'list', 'update', 'enable', 'add-iam-policy-binding'];

/** Answers like gcloud, as far as the provisioning listens. Its state is files in `home`: `made` is what was created,
 *  `calls` every call, `DEPLOYED` says that the functions are there, and a call that contains the text of `refuse` is
 *  denied. */
export function answer(home: string, args: readonly string[], readInput: () => string) {
  const stdin = args.some((arg) => arg.endsWith('-from-file=-')) ? readInput() : '';
  const call: NotedCall = { args, stdin };
  appendFileSync(join(home, 'calls'), `${JSON.stringify(call)}\n`);
  const says = (text: string) => ({ exitCode: 0, stdout: text, stderr: '' });
  const fails = (text: string) => ({ exitCode: 1, stdout: '', stderr: `ERROR: (gcloud) ${text}\n` });

  const refused = contentOf(join(home, 'refuse'));
  if (refused !== '' && args.join(' ').includes(refused)) {
    return fails('PERMISSION_DENIED: Permission denied (or it may not exist)');
  }
  const verb = args.findIndex((arg) => verbs.includes(arg));
  const kind = args.slice(0, verb).join(' ');
  const subject = args[verb + 1] ?? '';
  const policy = stdin.match(/"displayName": "(Lockstep: [^"]*)"/)?.[1];
  const id = policy ?? `${kind} ${subject.replace(/@.*/, '')}`;
  const isMade = (name: string) => contentOf(join(home, 'made')).split('\n').includes(name);
  switch (args[verb]) {
    case 'create':
      if (kind === 'beta services identity') return says('');
      if (isMade(id)) return fails(`ALREADY_EXISTS: ${id}`);
      appendFileSync(join(home, 'made'), `${id}\n`);
      return says('');
    case 'describe':
      if (kind === 'projects') return says('4242\n');
      if (kind === 'functions' || kind === 'eventarc triggers') {
        if (!existsSync(join(home, 'DEPLOYED'))) return fails('status=[404], message=[Resource was not found]');
        return says(`${kind}/${subject}/${args.find((arg) => arg.startsWith('--format='))}\n`);
      }
      return isMade(id) ? says(`name: ${id}\n`) : fails(`NOT_FOUND: Resource not found (resource=${id}).`);
    case 'list':
      return says(isMade(args.join(' ').match(/displayName="(.*?)"/)?.[1] ?? '') ? 'projects/p/alertPolicies/1\n' : '');
    default:
      return says('');
  }
}

function contentOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

// Started as a program by the `gcloud` that a test puts on the PATH.
if (argv[1] === fileURLToPath(import.meta.url)) {
  const result = answer(env.STAND_IN_HOME ?? '', argv.slice(2), () => readFileSync(0, 'utf8'));
  stdout.write(result.stdout);
  stderr.write(result.stderr);
  exit(result.exitCode);
}
