import { words } from '../format.ts';

type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'quiet';

const tones: Readonly<Record<string, Tone>> = {
  running: 'busy',
  pending: 'busy',
  continued: 'busy',
  releasing: 'busy',
  failing: 'warn',
  done: 'good',
  applied: 'good',
  live: 'good',
  equal: 'good',
  clean: 'quiet',
  released: 'good',
  resolved: 'good',
  redriven: 'good',
  failed: 'bad',
  open: 'bad',
  different: 'bad',
  stopped: 'bad',
  unreadable: 'bad',
  contradicted: 'bad',
  'dead-lettered': 'bad',
  braked: 'bad',
  held: 'warn',
  paused: 'warn',
  'never-ran': 'warn',
  acknowledged: 'warn',
  shadow: 'warn',
};

/** A state as a word with a colour; the word alone says it too. */
export function Status({ value, tone }: { readonly value: string; readonly tone?: Tone }) {
  return <span class={`status ${tone ?? tones[value] ?? 'quiet'}`}>{words(value)}</span>;
}

/** How far a job is; without a total only what was processed is known. */
export function Progress({ percent, label }: { readonly percent: number | null; readonly label: string }) {
  if (percent === null) return <span class="muted">–</span>;
  return (
    <span class="progress">
      <progress value={percent} max={100} aria-label={label} />
      <span class="number">{Math.floor(percent)} %</span>
    </span>
  );
}
