import type { Random } from './random.ts';

/** How hard a run is hit: probabilities per call, message or step. */
export interface Weather {
  readonly name: string;
  readonly crash: number;
  readonly error: number;
  /** A transaction takes effect, and its answer is lost. */
  readonly lostAnswer: number;
  readonly stall: number;
  /** A message is delivered once more than needed. */
  readonly duplicate: number;
  /** A message is delivered much later than its neighbours. */
  readonly late: number;
  /** A message was handled, and Pub/Sub does not know. */
  readonly lostAck: number;
  /** Deliveries that have hardly any time, so that their work goes on in a continuation. */
  readonly shortBudget: number;
  /** An event is never delivered, as when it waits for longer than Pub/Sub keeps it. Only a reconciliation can repair
   *  that. */
  readonly loss: number;
  /** A call takes long, in virtual time. */
  readonly slow: number;
  /** The next act of the history happens right before a transaction, instead of at its own time. */
  readonly meddling: number;
  /** An act adds more assets to a project than have room in the page of a claim. */
  readonly manyAssets: number;
  /** A reconciliation runs in the middle, per run. */
  readonly reconciliation: number;
  readonly stepDown: number;
  readonly oplogLoss: number;
  /** The relay has never run before, per run. */
  readonly firstStart: number;
}

const fair: Weather = {
  name: 'fair',
  crash: 0,
  error: 0,
  lostAnswer: 0,
  stall: 0,
  duplicate: 0.2,
  late: 0.3,
  lostAck: 0.05,
  shortBudget: 0.15,
  loss: 0,
  slow: 0.05,
  meddling: 0.05,
  manyAssets: 0.01,
  reconciliation: 0.05,
  stepDown: 0,
  oplogLoss: 0,
  firstStart: 0.02,
};

/** All kinds there are. */
export const weathers: readonly Weather[] = [
  { ...fair, name: 'raids', meddling: 0.35, duplicate: 0.1, late: 0.1 },
  { ...fair, name: 'disorder', duplicate: 0.5, late: 0.5, lostAck: 0.15 },
  { ...fair, name: 'hurry', shortBudget: 0.7, duplicate: 0.1, meddling: 0.1, crash: 0.004 },
  { ...fair, name: 'crashes', crash: 0.03, reconciliation: 0.4 },
  { ...fair, name: 'errors', error: 0.08 },
  { ...fair, name: 'stalls', stall: 0.05, slow: 0.25, meddling: 0.1, reconciliation: 0.1 },
  {
    ...fair,
    name: 'storm',
    crash: 0.01,
    error: 0.04,
    stall: 0.01,
    duplicate: 0.4,
    late: 0.4,
    lostAck: 0.1,
    shortBudget: 0.3,
    reconciliation: 0.2,
  },
  {
    ...fair,
    name: 'source',
    crash: 0.004,
    error: 0.05,
    stepDown: 0.35,
    oplogLoss: 0.6,
    firstStart: 0.3,
    reconciliation: 0.1,
  },
  { ...fair, name: 'losses', loss: 0.4, crash: 0.004, reconciliation: 0.2 },
  // Answers get lost while there is news, which comes when it is asked again.
  { ...fair, name: 'answers', lostAnswer: 0.25, manyAssets: 0.2 },
];

/** A source in trouble costs real time, since the driver of MongoDB has pauses of its own; so it is rarer. */
const weights = [6, 5, 3, 6, 4, 8, 8, 1, 4, 4];

/** The weather of a run. */
export function pickWeather(random: Random): Weather {
  return random.pick(weathers.flatMap((kind, index) => Array.from({ length: weights[index] ?? 1 }, () => kind)));
}
