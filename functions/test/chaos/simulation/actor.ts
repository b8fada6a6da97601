import type { Clock } from '../../../src/clock.ts';
import type { Simulation } from './simulation.ts';

/** A process of the system under test: it may die, and it may stand still for a while. */
export interface Actor {
  readonly name: string;
  /** Its time: timers of a dead actor never fire, those of one that stands still fire when it goes on. */
  readonly clock: Clock;
  isAlive(): boolean;
  /** From now on nothing of it happens any more. */
  die(): void;
  onDeath(run: () => void): void;
  /** Nothing of it happens for so long, in ms. */
  standStill(ms: number): void;
  /** Runs `act` alone in `ms`, or when it goes on; never when it is dead. */
  schedule(ms: number, act: () => Promise<void> | void): () => void;
}

export function createActor(name: string, simulation: Simulation): Actor {
  let alive = true;
  let stillUntil = 0;
  const mourners: (() => void)[] = [];

  function schedule(ms: number, act: () => Promise<void> | void): () => void {
    let cancel = () => {};
    const attempt = (wait: number) => {
      cancel = simulation.schedule(wait, () => {
        if (!alive) return undefined;
        if (simulation.now() < stillUntil) return attempt(stillUntil - simulation.now());
        return act();
      });
    };
    attempt(ms);
    return () => cancel();
  }

  return {
    name,
    clock: { now: simulation.now, after: schedule },
    isAlive: () => alive,
    die() {
      if (!alive) return;
      alive = false;
      for (const run of mourners) run();
    },
    onDeath: (run) => void mourners.push(run),
    standStill(ms) {
      stillUntil = Math.max(stillUntil, simulation.now() + ms);
    },
    schedule,
  };
}
