/** How many documents a hop may ask for. Pages hold the figure of one asset per project: 300 projects in two
 *  collections cost 609 reads in 29 calls, where hops one by one cost 649 in 651 (`npm run bench -- reconcile`).
 *
 *  A page of n documents that shows k new tuples has wasted n - k reads, and nobody knows beforehand whether the next
 *  thousand assets belong to a thousand projects or to one. So a page may only be as long as the waste that is earned:
 *  `wasteShare` of the tuples found so far, or sure to be found. At worst the reads stay within (1 + wasteShare) *
 *  (tuples + ranges); and since no document is read twice, within a full scan as well. */
export interface PagePacer {
  /** How many documents the next query of a collection may ask for. Waits while a longer page is worth waiting for. */
  acquire(collection: string): Promise<PageGrant>;
  /** Takes in what came of a grant; to be called once for each. */
  settle(grant: PageGrant, result: PageResult): void;
  /** Sets one read aside for each of some streams, for the query without results at their end. */
  open(streams: number): void;
  /** Whether so many reads may be wasted or set aside. */
  hasEarned(reads: number): boolean;
  /** The longest page that could be had now. */
  longestPage(): number;
  /** Whether some collection has several assets per project and is hopped over one by one: more streams are faster
   *  then. */
  isHopping(): boolean;
}

export interface PageGrant {
  readonly collection: string;
  readonly limit: number;
}

export interface PageResult {
  /** Documents returned. */
  readonly documents: number;
  /** Tuples among them that were not known before. */
  readonly distinct: number;
  /** Whether the stream has come to its end with this query. */
  readonly ended: boolean;
}

export interface PacerOptions {
  /** The share of the reads that may be wasted on reading ahead. */
  readonly wasteShare: number;
  /** The longest page, in documents. */
  readonly maxPage: number;
  /** Streams of hops (ranges times collections): each may end with one query that finds nothing, billed as one read.
   *  What streams leave of that is for reading ahead. */
  readonly streams: number;
  /** Tuples that will be found in any case: they earn from the beginning what they would earn when found. */
  readonly expected?: number;
  /** The first page that is worth a try, in documents; 2 when missing. A mistake costs no more than what is earned
   *  anyway. */
  readonly firstPage?: (collection: string) => number;
  /** What a run that is resumed has found and wasted before. */
  readonly distinct?: number;
  readonly waste?: number;
}

/** The state of the budget that all collections share. */
export interface Budget {
  readonly wasteShare: number;
  readonly streams: number;
  readonly expected: number;
  distinct: number;
  /** Reads that brought nothing new: documents of known tuples, and queries without results. */
  waste: number;
  /** Streams under way: each may still end with a query without results. One that ends with a short page leaves its
   *  read. */
  openStreams: number;
  /** Waste that pages in flight may turn out to be. */
  reserved: number;
}

/** What the latest pages of one collection were like. */
export interface Regime {
  /** The page length that the collection deserves: grows while pages show nothing but new tuples. 1: hop from tuple to
   *  tuple. */
  size: number;
  /** Hops since a page of two was tried. */
  hops: number;
  /** How many hops to make before the next try; grows while tries fail. */
  tryAfter: number;
}

/** Hops between two tries whether neighbours differ. A failed try doubles it: many assets per project cost next to
 *  nothing. */
const firstTryAfter = 4;
const lastTryAfter = 1024;

export function createRegime(size = 2): Regime {
  return { size, hops: 0, tryAfter: firstTryAfter };
}

/** Reads that may still be wasted: what the bound allows, less what is spent or promised to streams and pages in
 *  flight. */
export function earnedBy(budget: Budget): number {
  const forWaste = budget.wasteShare * (Math.max(budget.distinct, budget.expected) + budget.streams);
  return forWaste + budget.streams - budget.waste - budget.openStreams - budget.reserved;
}

/** The length of the next page, or `wait` when a page in flight will decide whether a longer one may be asked for.
 *  `sharedBy` collections are read in pages at the moment. */
export function nextPage(budget: Budget, regime: Regime, maxPage: number, sharedBy = 1): number | 'wait' {
  const wanted = Math.min(maxPage, regime.size > 1 ? regime.size : regime.hops >= regime.tryAfter ? 2 : 1);
  if (wanted === 1) return 1;
  const earned = Math.max(0, earnedBy(budget));
  if (1 + earned >= wanted) return wanted;
  if (regime.size === 1) return 1;
  // A page that is shorter than deserved leaves room for one of each other collection, and no more: many short pages
  // side by side would share what one longer page can use.
  const share = (earned + budget.reserved) / sharedBy;
  const allowed = 1 + Math.floor(Math.min(earned, share));
  return allowed >= 1 + Math.floor(share) || budget.reserved === 0 ? allowed : 'wait';
}

/** Learns from a page. */
export function learn(regime: Regime, limit: number, result: PageResult): Regime {
  if (limit === 1) return { ...regime, hops: regime.hops + 1 };
  if (result.distinct === result.documents) {
    const size = Math.max(regime.size, result.documents === limit ? limit * 2 : limit);
    return { size, hops: 0, tryAfter: firstTryAfter };
  }
  // The page met a project with several assets: expect about as long a run of new tuples as this one showed.
  const size = Math.max(1, Math.min(regime.size, Math.floor(result.distinct / 2)));
  const tryAfter = size === 1 ? Math.min(lastTryAfter, regime.tryAfter * 2) : firstTryAfter;
  return { size, hops: 0, tryAfter };
}

/** What a query cost beyond what it found: Firestore bills one read for a query without results. */
export function wastedBy({ documents, distinct }: PageResult): number {
  return Math.max(1, documents) - distinct;
}

export function createPagePacer(options: PacerOptions): PagePacer {
  const budget: Budget = {
    wasteShare: options.wasteShare,
    streams: options.streams,
    expected: options.expected ?? 0,
    distinct: options.distinct ?? 0,
    waste: options.waste ?? 0,
    openStreams: 0,
    reserved: 0,
  };
  const regimes = new Map<string, Regime>();
  let waiting: { collection: string; grant: (grant: PageGrant) => void }[] = [];

  const regimeOf = (collection: string) => regimes.get(collection) ?? createRegime(options.firstPage?.(collection));
  const tryGrant = (collection: string): PageGrant | undefined => {
    const paging = [...regimes.values()].filter(({ size }) => size > 1).length;
    const limit = nextPage(budget, regimeOf(collection), options.maxPage, Math.max(1, paging));
    if (limit === 'wait') return undefined;
    budget.reserved += limit - 1;
    return { collection, limit };
  };

  return {
    open(streams) {
      budget.openStreams += streams;
    },
    hasEarned: (reads) => earnedBy(budget) >= reads,
    longestPage: () => 1 + Math.max(0, Math.floor(earnedBy(budget))),
    isHopping: () => [...regimes.values()].some(({ size }) => size === 1),
    acquire(collection) {
      const grant = tryGrant(collection);
      if (grant) return Promise.resolve(grant);
      return new Promise((resolve) => waiting.push({ collection, grant: resolve }));
    },
    settle(grant, result) {
      budget.reserved -= grant.limit - 1;
      budget.distinct += result.distinct;
      budget.waste += wastedBy(result);
      if (result.ended) budget.openStreams = Math.max(0, budget.openStreams - 1);
      regimes.set(grant.collection, learn(regimeOf(grant.collection), grant.limit, result));
      const queue = waiting;
      waiting = [];
      for (const waiter of queue) {
        const next = tryGrant(waiter.collection);
        if (next) waiter.grant(next);
        else waiting.push(waiter);
      }
    },
  };
}
