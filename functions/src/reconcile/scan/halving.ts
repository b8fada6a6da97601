import { readsToCount, readsToSplit } from './splitBudget.ts';

/** A range of project ids in which some assets lack a copy, and what is known of it. */
export interface LackingPart {
  readonly assets: number;
  /** Of those, the ones that lack a copy: at least one. */
  readonly lacking: number;
  /** How many splits in a row, up to this part, had about the same share of them on both sides. */
  readonly evenSplits: number;
  /** Whether the collection has only one copy: then a project alone in its part need not be read asset by asset. */
  readonly oneCopy: boolean;
  /** Undefined while nothing is known. */
  readonly assetsPerProject: number | undefined;
}

/** A part with at most so many assets is read asset by asset: half of it is not worth what a split costs. */
const readWholeBelow = 32;

/** After so many even splits in a row, the assets that lack a copy are taken to be spread over the whole part. One may be by chance: a block in the very middle. */
const evenSplitsOfSpread = 2;

/** What one project alone in its part costs with one copy: its tuples, and a query without results. */
const readsOfOneProject = 3;

/** A half has one end in common with the whole, and the other is asked for. */
const readsOfEnds = 1;

/** Where splits cost no more than this share of the assets, they are made even if nothing so far speaks for several assets per project. */
const trialShare = 0.02;

/** Whether halving can be expected to cost fewer reads than reading every asset.
 *
 *  What halving saves are the parts without difference, where a hop passes a whole project. What is missing may lie side by side (a few splits cut it out) or
 *  be spread (every piece of it needs splits of its own, and parts without difference are only found below `assets / lacking`). Only splits tell which, so the better is
 *  believed at first, and given up when both halves look alike again and again. */
export function isWorthHalving(part: LackingPart): boolean {
  const { assets, evenSplits } = part;
  if (assets <= readWholeBelow) return false;
  const spread = costIfSpread(part);
  if (evenSplits >= evenSplitsOfSpread) return spread.splits + spread.reads < assets;
  const block = costIfBlock(part);
  const isTrial = part.lacking * 2 <= assets && Math.min(spread.splits, block.splits) <= trialShare * assets;
  return isTrial || Math.min(spread.splits + spread.reads, block.splits + block.reads) < assets;
}

/** Whether two halves have about the same share of assets that lack a copy: neither twice that of the other. */
export function isEvenSplit(
  left: Pick<LackingPart, 'assets' | 'lacking'>,
  right: Pick<LackingPart, 'assets' | 'lacking'>,
): boolean {
  const shares = [left.lacking * right.assets, right.lacking * left.assets];
  return Math.min(...shares) > 0 && Math.max(...shares) <= 2 * Math.min(...shares);
}

/** What a way is expected to cost, in reads. */
interface Cost {
  readonly splits: number;
  /** Of assets and projects, when all splits are made. */
  readonly reads: number;
}

/** The smallest pieces that halving leads to, and how many of them a part has. */
function piecesOf({ assets, assetsPerProject = 0 }: LackingPart): { readonly size: number; readonly count: number } {
  const size = Math.max(readWholeBelow, Math.min(assetsPerProject, assets));
  return { size, count: assets / size };
}

function costIfSpread(part: LackingPart): Cost {
  const { assets, lacking, assetsPerProject = Number.POSITIVE_INFINITY } = part;
  const { size, count } = piecesOf(part);
  // Assets that are thrown into `count` pieces at random hit so many of them.
  const hit = Math.max(1, count * (1 - Math.exp(-lacking / count)));
  const isProject = part.oneCopy && part.assetsPerProject !== undefined && part.assetsPerProject >= size;
  return {
    splits: costOfSplits(assets, hit * (1 + Math.log2(count / hit)), Math.log2(hit)),
    reads: (assets - hit * size) / assetsPerProject + hit * (isProject ? readsOfOneProject : size),
  };
}

function costIfBlock(part: LackingPart): Cost {
  const { assets, lacking, assetsPerProject = Number.POSITIVE_INFINITY } = part;
  const { size, count } = piecesOf(part);
  const hit = Math.min(assets, lacking + size);
  return {
    // Both ends of the block are pinned down.
    splits: costOfSplits(assets, 2 * (1 + Math.log2(count)), 1),
    reads: (assets - hit) / assetsPerProject + hit,
  };
}

/** `wide`: levels of splits that count every asset of the part again; those below count less and less, together about as much as two levels. */
function costOfSplits(assets: number, splits: number, wide: number): number {
  return splits * (readsOfEnds + readsToSplit(1)) + (wide + 2) * 2 * (readsToCount(assets) - 1);
}
