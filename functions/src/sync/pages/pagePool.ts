import type { Throttle } from './throttle.ts';

/** What a piece of work may do with the pool that it runs in. */
export interface Pool<Piece> {
  /** Adds pieces that somebody still has to work on. */
  enqueue(...pieces: readonly Piece[]): void;
  /** Whether another piece could begin at once. */
  hasRoom(): boolean;
}

export interface PoolOptions<Piece> {
  readonly throttle: Throttle;
  /** How many places in the throttle a piece takes. Default: one each. */
  readonly placesOf?: (piece: Piece) => number;
  /** Whether no new piece may begin. Those in flight end by themselves. */
  readonly isOver: () => boolean;
  readonly work: (piece: Piece, pool: Pool<Piece>) => Promise<void>;
}

/** Works on pieces, as many at once as the throttle has room for, until none is left or it is over. Returns the pieces
 *  that are left.
 *  @throws the first error of a piece, when all that were in flight have ended. */
export async function workThrough<Piece>(
  pieces: readonly Piece[],
  { throttle, placesOf = () => 1, isOver, work }: PoolOptions<Piece>,
): Promise<readonly Piece[]> {
  const queue = [...pieces];
  const inFlight = new Set<Promise<void>>();
  const errors: unknown[] = [];
  let wake = () => {};
  const pool: Pool<Piece> = {
    enqueue(...more) {
      queue.push(...more);
      wake();
    },
    hasRoom: () => queue.length < throttle.free(),
  };
  function begin(piece: Piece, places: number): void {
    const run: Promise<void> = work(piece, pool)
      .catch((error: unknown) => {
        errors.push(error);
      })
      .finally(() => {
        throttle.leave(places);
        inFlight.delete(run);
        wake();
      });
    inFlight.add(run);
  }
  while (queue.length + inFlight.size > 0 && !isOver() && errors.length === 0) {
    const [first] = queue;
    if (first === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const places = placesOf(first);
    await throttle.enter(places);
    if (isOver()) {
      throttle.leave(places);
      break;
    }
    queue.shift();
    begin(first, places);
  }
  await Promise.all(inFlight);
  if (errors.length > 0) throw errors[0];
  return queue;
}
