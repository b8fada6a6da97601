import type { Checkpoint } from '../../../src/relay/relayRecord.ts';
import type { Violation } from '../world.ts';

/** A point of MongoDB's order of changes, as text that sorts. */
type Point = string;

/** Watches what relays write as their checkpoint: never backwards, never past a change of which no event was published.
 */
export interface CheckpointWatch {
  /** A change was committed at a cluster time. */
  committed(time: { readonly t: number; readonly i: number }, project: string): void;
  published(version: string): void;
  /** From now on a relay is to see every change. */
  begin(): void;
  /** MongoDB has forgotten its changes: what was not published by now may be missed, and the next position may be
   *  anywhere. */
  historyLost(): void;
  saw(checkpoint: Checkpoint): void;
  violations(): readonly Violation[];
}

export function createCheckpointWatch(): CheckpointWatch {
  let commits: { readonly at: Point; readonly project: string }[] = [];
  const publishedAt = new Set<Point>();
  const violations: Violation[] = [];
  let furthest: Point | undefined;
  let mayStartOver = false;

  return {
    committed: ({ t, i }, project) => void commits.push({ at: hex(t) + hex(i), project }),
    begin() {
      commits = [];
    },
    published: (version) => void publishedAt.add(version.slice(0, pointDigits)),
    historyLost() {
      commits = [];
      mayStartOver = true;
    },
    saw(checkpoint) {
      const at = pointOf(checkpoint);
      if (at === undefined) return;
      if (checkpoint.token === null && mayStartOver) {
        furthest = at;
        // What lies before is the business of the reconciliation that is asked for.
        commits = commits.filter((commit) => commit.at >= at);
        return;
      }
      if (furthest !== undefined && at < furthest) {
        violations.push({ what: 'checkpoint moved backwards', detail: `from ${furthest} to ${at}` });
      }
      if (furthest === undefined || at > furthest) furthest = at;
      const missed = commits.find((commit) => commit.at < at && !publishedAt.has(commit.at));
      if (missed) {
        commits = commits.filter((commit) => commit !== missed);
        const detail = `to ${at}, although the change of ${missed.project} at ${missed.at} is not published`;
        violations.push({ what: 'checkpoint moved past an unpublished change', detail });
      }
    },
    violations: () => violations,
  };
}

const digits = 8;
const pointDigits = 2 * digits;

function hex(value: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Where a checkpoint stands. Tokens of the local server, as those of MongoDB, begin with a mark of two digits, the
 *  seconds and the increment of a cluster time. */
export function pointOf({ token, startAt }: Checkpoint): Point | undefined {
  if (startAt !== null) return hex(startAt.seconds) + hex(startAt.increment);
  if (typeof token !== 'object' || token === null || !('_data' in token) || typeof token._data !== 'string')
    return undefined;
  return token._data.slice(2, 2 + pointDigits).toLowerCase();
}
