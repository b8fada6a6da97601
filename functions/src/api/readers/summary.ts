import type { NowView } from '../views/now.ts';

type Facts = Pick<NowView, 'mode' | 'relay' | 'running' | 'openAlerts' | 'holds' | 'deadLetters' | 'paused'>;

/** The sentence that stands above everything else, by the worst of what is known. Pure. */
export function summaryOf(facts: Facts): Pick<NowView, 'summary' | 'inStep'> {
  const { mode, relay, running, openAlerts, holds, deadLetters, paused } = facts;
  const not = (summary: string) => ({ inStep: false, summary });
  if (mode === 'shadow') return not('Shadow mode: everything is computed and reported, and no asset is written.');
  if (relay.state === 'never-ran') return not('The relay has never run: nothing is kept in step.');
  if (paused.length > 0) {
    return not(`Paused: ${paused.map(({ what, by }) => `${pausedText(what)} by ${by}`).join(', ')}.`);
  }
  if (relay.state === 'stopped') return not(`${stoppedText(relay)}: changes of projects wait in MongoDB.`);
  const waiting = [counted(deadLetters, 'dead letter'), counted(holds, 'held deletion')].filter((text) => text !== '');
  if (waiting.length > 0) return not(`Not in step: ${waiting.join(' and ')} to be decided by a person.`);
  if (openAlerts.length > 0) return not(`Not in step, perhaps: ${openAlerts[0]?.message ?? 'an alert is open'}.`);
  if (running.length > 0) return { inStep: true, summary: 'Assets are being brought in step with their projects.' };
  return { inStep: true, summary: 'Assets and projects are in step.' };
}

function stoppedText({ shards }: Facts['relay']): string {
  const stopped = shards.filter(({ state }) => state === 'stopped');
  if (stopped.length === shards.length) return 'No relay is at work';
  return `No relay follows shard ${stopped.map(({ shard }) => shard).join(', ')} of ${shards.length}`;
}

function pausedText(what: string): string {
  if (what === 'relay') return 'the relay';
  if (what === 'deletions') return 'all deletions';
  return what.replace(':', ' ');
}

function counted(count: number, what: string): string {
  if (count === 0) return '';
  return count === 1 ? `1 ${what}` : `${count.toLocaleString('en-US')} ${what}s`;
}
