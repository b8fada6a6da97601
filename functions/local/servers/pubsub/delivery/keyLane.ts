/** What a lane needs to know of one of its messages. */
export interface LaneEntry {
  state: 'ready' | 'waiting' | 'leased' | 'acked';
}

/** The unfinished messages of one ordering key, in order of publication. Messages before the cursor are with a
 *  subscriber or acknowledged; the one at the cursor is the only one that may go next. Acknowledged messages stay until
 *  all before them are acknowledged too, because the redelivery of a message redelivers every later one, acknowledged
 *  or not. */
export interface KeyLane<E extends LaneEntry> {
  push(entry: E): void;
  /** The message that may be delivered next. */
  next(): E | undefined;
  /** Moves the cursor past the next message, which `holder` has now. */
  advance(holder: object): void;
  /** Takes the next message out, undelivered. */
  dropNext(): void;
  /** Whether the next message may go to `holder`: nobody else has messages of this key. */
  freeFor(holder: object, alone: boolean): boolean;
  /** Whether no earlier message of the key is unacknowledged. */
  isOldest(entry: E): boolean;
  /** After an entry was acknowledged. */
  settled(): void;
  /** Puts the cursor back to `entry` and returns the delivered messages after it, which have to be taken back. */
  rewind(entry: E): E[];
  size(): number;
}

export function createKeyLane<E extends LaneEntry>(): KeyLane<E> {
  const entries: E[] = [];
  let cursor = 0;
  let holder: object | undefined;
  return {
    push: (entry) => {
      entries.push(entry);
    },
    next: () => entries[cursor],
    advance(newHolder) {
      cursor += 1;
      holder = newHolder;
    },
    dropNext() {
      entries.splice(cursor, 1);
    },
    freeFor(candidate, alone) {
      if (!alone && holder === candidate) return true;
      return !entries.slice(0, cursor).some((entry) => entry.state === 'leased');
    },
    isOldest: (entry) => entries[0] === entry,
    settled() {
      while (cursor > 0 && entries[0]?.state === 'acked') {
        entries.shift();
        cursor -= 1;
      }
    },
    rewind(entry) {
      const at = entries.indexOf(entry);
      const later = entries.slice(at + 1, cursor);
      cursor = at;
      return later;
    },
    size: () => entries.length,
  };
}
