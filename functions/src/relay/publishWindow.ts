import type { RelayLimits } from './limits.ts';

/** A change that was added to the window. */
export interface InFlight {
  /** It is published; further calls do nothing. */
  settle(): void;
  /** How many bytes it takes is known better now. */
  resize(bytes: number): void;
}

/** What has been read and not been published yet, in stream order. `P` is a position in the stream. */
export interface PublishWindow<P> {
  /** A change that is about to be published. */
  add(position: P, bytes: number): InFlight;
  /** A position at which there is nothing to publish. */
  pass(position: P): void;
  /** Whether another change may be added. */
  hasRoom(): boolean;
  /** Resolves as soon as there is room. */
  room(): Promise<void>;
  /** Resolves as soon as everything added is published. */
  emptied(): Promise<void>;
  /** The furthest position up to which everything is published; undefined before the first. */
  published(): P | undefined;
  /** The first position that is not published yet. */
  oldest(): P | undefined;
  /** How many changes are not published yet. */
  unpublished(): number;
}

interface Entry<P> {
  position: P;
  bytes: number;
  done: boolean;
}

/** How many settled entries may stay at the front of the list before it is shortened: shortening costs a copy of the
 *  list. */
const compactEvery = 1024;

/** Creates an empty window. It holds at most `maxInFlight` entries, so a single change that cannot be published also
 *  bounds what is read behind it. */
export function createPublishWindow<P>(
  limits: Pick<RelayLimits, 'maxInFlight' | 'maxInFlightBytes'>,
): PublishWindow<P> {
  let entries: Entry<P>[] = [];
  let head = 0;
  let bytesInFlight = 0;
  let unpublished = 0;
  let published: P | undefined;
  let waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  const size = () => entries.length - head;
  // Published changes behind an unpublished one count as well: their positions are kept.
  const hasRoom = () => size() < limits.maxInFlight && bytesInFlight < limits.maxInFlightBytes;

  const advance = () => {
    for (let entry = entries[head]; entry?.done; entry = entries[head]) {
      published = entry.position;
      head += 1;
    }
    if (head >= compactEvery || head === entries.length) {
      entries = entries.slice(head);
      head = 0;
    }
    wake();
  };

  const wake = () => {
    if (waiting.length === 0) return;
    const ready = waiting.filter(({ until }) => until());
    if (ready.length === 0) return;
    waiting = waiting.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  };

  const when = (until: () => boolean): Promise<void> =>
    until() ? Promise.resolve() : new Promise((resolve) => waiting.push({ until, resolve }));

  return {
    add(position, bytes) {
      const entry: Entry<P> = { position, bytes, done: false };
      entries.push(entry);
      bytesInFlight += bytes;
      unpublished += 1;
      return {
        settle() {
          if (entry.done) return;
          entry.done = true;
          bytesInFlight -= entry.bytes;
          unpublished -= 1;
          advance();
        },
        resize(to) {
          if (entry.done) return;
          bytesInFlight += to - entry.bytes;
          entry.bytes = to;
          wake();
        },
      };
    },
    pass(position) {
      const last = entries.at(-1);
      if (size() === 0) published = position;
      // Behind unpublished changes only the furthest of these positions matters, so a long wait does not collect them.
      else if (last?.done) last.position = position;
      else entries.push({ position, bytes: 0, done: true });
    },
    hasRoom,
    room: () => when(hasRoom),
    emptied: () => when(() => size() === 0),
    published: () => published,
    oldest: () => entries[head]?.position,
    unpublished: () => unpublished,
  };
}
