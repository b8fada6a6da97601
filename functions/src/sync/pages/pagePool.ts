import type { Memory, Share } from '../memory/memory.ts';
import type { Throttle } from './throttle.ts';

/** What a piece of work may do with the pool that it runs in. */
export interface Pool<Piece> {
  /** Adds pieces that somebody still has to work on. */
  enqueue(...pieces: readonly Piece[]): void;
  /** Whether another piece could begin at once. */
  hasRoom(): boolean;
}

/** What pages of all work in this process share. */
export interface Admission {
  /** For the database's sake. */
  readonly throttle: Throttle;
  /** For the process's own. */
  readonly memory: Memory;
}

/** Waits until a page may begin, and takes so many bytes for it. */
export async function admitted({ throttle, memory }: Admission, bytes: number): Promise<Share> {
  // Who waits for memory keeps its place: its turn has come, and it waits for pages only that hold a place each.
  await throttle.enter();
  const { resize, release } = await memory.enter(bytes);
  return {
    resize,
    release() {
      release();
      throttle.leave();
    },
  };
}

export interface PoolOptions<Piece> extends Admission {
  /** How many bytes in memory the work on a piece is expected to take. */
  readonly bytesOf: (piece: Piece) => number;
  /** Whether no new piece may begin. Those in flight end by themselves. */
  readonly isOver: () => boolean;
  /** Asked when a piece has got its place, for which it may have waited long. Where it may not, no other begins either.
   *  Default: it may. */
  readonly mayBegin?: () => Promise<boolean>;
  readonly work: (piece: Piece, pool: Pool<Piece>, share: Share) => Promise<void>;
}

/** Works on pieces, as many at once as are admitted, until none is left or it is over. Returns the pieces that are
 *  left.
 *  @throws the first error of a piece, when all that were in flight have ended. */
export async function workThrough<Piece>(
  pieces: readonly Piece[],
  { throttle, memory, bytesOf, isOver, mayBegin, work }: PoolOptions<Piece>,
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
  function begin(piece: Piece, share: Share): void {
    const run: Promise<void> = work(piece, pool, share)
      .catch((error: unknown) => {
        errors.push(error);
      })
      .finally(() => {
        share.release();
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
    const share = await admitted({ throttle, memory }, bytesOf(first));
    if ((await mayBegin?.()) === false || isOver()) {
      share.release();
      break;
    }
    queue.shift();
    begin(first, share);
  }
  await Promise.all(inFlight);
  if (errors.length > 0) throw errors[0];
  return queue;
}
