/** What looking for assets that lack a copy may cost in one collection, all of its ranges together.
 *
 *  A range that is read asset by asset costs one read per asset, and so much is sure: `count()` tells the number exactly. Halving costs extra, and may save nothing.
 *  So a split has to be paid for beforehand: from `extraShare` of the assets, and from the reads that parts with several assets per project have left over. Whatever lies where,
 *  the reads stay within (1 + extraShare) * assets + `readsPerRange` * ranges. */
export interface SplitBudget {
  /** Takes in a range with so many assets; its first part is all of it. */
  openRange(assets: number): void;
  /** Sets reads aside for a step towards a split. False when there are not enough: then the part has to be read as it is. */
  reserve(reads: number): boolean;
  /** The step is done, and what it cost is spent. */
  release(reads: number): void;
  /** A part was split; `halves`: the assets in each. */
  splitPart(assets: number, halves: readonly [number, number]): void;
  /** A part is read, and had so many projects. What it did not cost is free again. */
  closePart(assets: number, projects: number): void;
  /** Reads were billed. */
  spend(reads: number): void;
  /** Assets per project, judged by the parts that were read; undefined when nothing is known. */
  assetsPerProject(): number | undefined;
}

/** The share of a full scan that may be spent on splits that save nothing. Together with the counts of the whole collection before (four reads
 *  per thousand assets), it makes less than a twentieth. */
export const extraShare = 0.045;

/** Two counts of a range cost a read each, however few assets it has, and its end may be a query without results. */
export const readsPerRange = 3;

/** Firestore bills one read per thousand index entries that it counts, and at least one:
 *  https://firebase.google.com/docs/firestore/pricing#aggregation_queries */
export function readsToCount(entries: number): number {
  return Math.max(1, Math.ceil(entries / entriesPerCountRead));
}

const entriesPerCountRead = 1_000;

/** What a part costs at most when it is not split: its assets, and a query without results at its end. */
const readsOfPart = (assets: number) => assets + 1;

/** What it costs at most to split a part whose ends are known: two counts of each half (rounded up twice instead of once), and the end of one more part. */
export function readsToSplit(assets: number): number {
  return 2 * (readsToCount(assets) + 1) + 1;
}

/** @param expected assets per project, as far as one can know before anything is read */
export function createSplitBudget(expected?: number): SplitBudget {
  let allowed = 0;
  let spent = 0;
  /** What parts and splits under way will cost at most. */
  let owed = 0;
  let seen = { assets: 0, projects: 0 };
  return {
    openRange(assets) {
      allowed += (1 + extraShare) * assets + readsPerRange;
      owed += readsOfPart(assets);
    },
    reserve(reads) {
      if (spent + owed + reads > allowed) return false;
      owed += reads;
      return true;
    },
    release(reads) {
      owed -= reads;
    },
    splitPart(assets, [left, right]) {
      owed += readsOfPart(left) + readsOfPart(right) - readsOfPart(assets);
    },
    closePart(assets, projects) {
      owed -= readsOfPart(assets);
      // What was read last counts most: neighbours are often alike.
      seen = { assets: seen.assets / 2 + assets, projects: seen.projects / 2 + projects };
    },
    spend(reads) {
      spent += reads;
    },
    assetsPerProject: () => (seen.projects > 0 ? seen.assets / seen.projects : expected),
  };
}
