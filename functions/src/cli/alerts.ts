import { type AlertRecord, AlertRecordError, readAlert } from '../alerts/alertRecord.ts';
import { recordCollections } from '../config/defineConfig.ts';
import { acknowledgeAlerts, closeAlerts } from '../operations/alerts.ts';
import { helpAfter, requiredVariable, runAsProcess, type TerminalCommand } from './command.ts';
import { decideAndSay, decisionCodes } from './decisions/decideAndSay.ts';
import { type DecisionOptions, decisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { inTime, openFirestore } from './services.ts';

type Action =
  | { readonly kind: 'list'; readonly json: boolean }
  | (DecisionOptions & { readonly kind: 'acknowledge' | 'close'; readonly keys: readonly string[] });

export interface AlertsSettings {
  readonly projectId: string;
  readonly action: Action;
}

const notes = `An alert that is acknowledged is not escalated any more; one that is closed is opened anew by the
same alarm.

Exit code: 0 done; 1 an error; 2 a mistake in the command; 3 nothing was left to do; 4 you said no.`;

/** More are not listed at once: whoever has so many looks for their cause. */
const mostListed = 200;

/** Lists alerts, and decides about them. */
export const alerts: TerminalCommand<AlertsSettings> = {
  name: 'alerts',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Alerts that are open or acknowledged, and decisions about them.')
      .addHelpText('after', helpAfter(notes, 'unused'));
    const take = (action: Action) => accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), action });
    command
      .command('list')
      .description('key, state, how often, since when, and what happened')
      .option('--json', 'print a JSON array')
      .action(({ json = false }) => take({ kind: 'list', json }));
    for (const [kind, meaning] of [
      ['acknowledge', 'take alerts on: they are not escalated any more'],
      ['close', 'close alerts'],
    ] as const) {
      command
        .command(kind)
        .description(meaning)
        .argument('<keys...>', 'keys of alerts, as "list" shows them')
        .option(...decisionOptions.reason)
        .option(...decisionOptions.as)
        .option(...decisionOptions.yes)
        .action((keys, { reason, as, yes = false }) => take({ kind, keys, reason, as, yes }));
    }
  },
  async run({ projectId, action }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    if (action.kind === 'list') {
      const query = firestore
        .collection(recordCollections.alerts)
        .where('state', 'in', ['open', 'acknowledged'])
        .limit(mostListed);
      const { docs } = await inTime(terminal, query.get());
      const read = docs.map(readAlert);
      const found = read.filter((alert): alert is AlertRecord => !(alert instanceof AlertRecordError));
      for (const alert of read) if (alert instanceof AlertRecordError) terminal.warn(alert.message);
      if (action.json) terminal.print(JSON.stringify(found.map(asJson)));
      else if (read.length === 0) terminal.print('No alerts are open.');
      else for (const alert of found) terminal.print(lineOf(alert));
      return found.length === read.length ? decisionCodes.done : decisionCodes.failed;
    }
    const { kind, keys } = action;
    return decideAndSay(
      operationServices(terminal, firestore),
      {
        ...action,
        operation: kind === 'close' ? closeAlerts : acknowledgeAlerts,
        input: { keys: [...keys] },
        question: (count) => `${kind === 'close' ? 'Close' : 'Acknowledge'} ${count} alerts?`,
      },
      terminal,
    );
  },
};

function lineOf({ key, state, count, firstAt, message, hint }: AlertRecord): string {
  return `${key}  ${state}, ${count} times since ${new Date(firstAt).toISOString()}: ${message}. ${hint}`;
}

function asJson({ key, alarm, state, message, hint, fields, count, firstAt, lastAt, acknowledgedBy }: AlertRecord) {
  const times = { firstAt: new Date(firstAt).toISOString(), lastAt: new Date(lastAt).toISOString() };
  return { key, alarm, state, message, hint, fields, count, ...times, acknowledgedBy };
}

if (import.meta.main) await runAsProcess(alerts);
