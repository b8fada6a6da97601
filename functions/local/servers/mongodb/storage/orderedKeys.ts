import btree from 'sorted-btree';

/** The part of the order that a scan covers: from `low` on, up to but not including `high`. */
export interface KeyRange {
  readonly low: string;
  readonly high: string;
}

/** Keys in order, each with the id of the document that it leads to. */
export interface OrderedKeys {
  add(key: string, idKey: string): void;
  remove(key: string): void;
  /** The ids in the order of their keys; those that are there all the while are given exactly once. */
  scan(range: KeyRange, reverse?: boolean): Generator<{ key: string; idKey: string }>;
}

/** So many keys are copied at a time: a scan may stop early, and a long one seldom searches anew. */
const chunkKeys = 128;

const compareStrings = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

export function createOrderedKeys(): OrderedKeys {
  const tree = new btree.default<string, string>(undefined, compareStrings);
  return {
    add: (key, idKey) => {
      tree.set(key, idKey);
    },
    remove: (key) => {
      tree.delete(key);
    },
    *scan({ low, high }, reverse = false) {
      if (reverse) yield* scanDown(tree, low, high);
      else yield* scanUp(tree, low, high);
    },
  };
}

type Tree = InstanceType<typeof btree.default<string, string>>;

function* scanUp(tree: Tree, low: string, high: string) {
  let from = low;
  for (;;) {
    const chunk: { key: string; idKey: string }[] = [];
    tree.forRange(from, high, false, (key, idKey) => {
      chunk.push({ key, idKey });
      return chunk.length === chunkKeys ? { break: true } : undefined;
    });
    yield* chunk;
    const last = chunk.at(-1);
    if (!last || chunk.length < chunkKeys) return;
    // No string lies between a string and the same one with a zero char behind it.
    from = `${last.key}\0`;
  }
}

function* scanDown(tree: Tree, low: string, high: string) {
  let below: string | undefined = tree.nextLowerKey(high);
  while (below !== undefined && below >= low) {
    const chunk: { key: string; idKey: string }[] = [];
    for (const [key, idKey] of tree.entriesReversed(below)) {
      if (key < low || chunk.length === chunkKeys) break;
      chunk.push({ key, idKey });
    }
    yield* chunk;
    const last = chunk.at(-1);
    if (!last) return;
    below = tree.nextLowerKey(last.key);
  }
}
