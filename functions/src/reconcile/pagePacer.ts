/** How many documents a hop may ask for, so that reading ahead never costs more than a small share of the reads.
 *
 *  A page of n documents that shows k new tuples has wasted n - k reads. Nobody knows beforehand whether the next thousand assets belong to a
 *  thousand projects or to one, so a page may only be as long as the waste that is already earned: `wasteShare` of the tuples found so far. In the worst
 *  case (every page all waste) the reads stay within (1 + wasteShare) * (tuples + ranges); and since no document is read twice, they stay
 *  within a full scan as well. Where every project has one asset nothing is wasted, and pages grow by a twentieth of what has been found. */
export interface PagePacer {
  /** How many documents the next query of a collection may ask for. Waits while a longer page is worth waiting for. */
  acquire(collection: string): Promise<PageGrant>;
  /** Tells what came of a grant; to be called once for each. */
  settle(grant: PageGrant, result: PageResult): void;
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
}

export interface PacerOptions {
  /** The share of the reads that may be wasted on reading ahead. */
  readonly wasteShare: number;
  /** The longest page, in documents. */
  readonly maxPage: number;
  /** Streams of hops (ranges times collections): each may end with one query that finds nothing, which Firestore bills as one read. */
  readonly streams: number;
  /** What a run that is resumed has found and wasted before. */
  readonly distinct?: number;
  readonly waste?: number;
}

/** The state of the budget that all collections share. */
export interface Budget {
  readonly wasteShare: number;
  readonly streams: number;
  distinct: number;
  waste: number;
  /** Waste that pages on their way may turn out to be. */
  reserved: number;
}

/** What the latest pages of one collection were like. */
export interface Regime {
  /** The page length that the collection deserves: grows while pages show nothing but new tuples. 1: hop from tuple to tuple. */
  size: number;
  /** Hops since a page of two was tried. */
  hops: number;
  /** How many hops to make before the next try; grows while tries fail. */
  tryAfter: number;
}

/** Hops between two tries whether neighbours differ. A failed try doubles it, so that a collection with many assets per project pays next to nothing. */
const firstTryAfter = 4;
const lastTryAfter = 1024;

export function createRegime(): Regime {
  return { size: 1, hops: 0, tryAfter: firstTryAfter };
}

/** The length of the next page, or `wait` when a page on its way will soon decide whether a longer one may be asked for. */
export function nextPage(budget: Budget, regime: Regime, maxPage: number): number | 'wait' {
  const wanted = Math.min(maxPage, regime.size > 1 ? regime.size : regime.hops >= regime.tryAfter ? 2 : 1);
  if (wanted === 1) return 1;
  const earned = budget.wasteShare * (budget.distinct + budget.streams) - budget.waste - budget.reserved;
  const allowed = 1 + Math.max(0, Math.floor(earned));
  if (allowed >= wanted) return wanted;
  if (regime.size === 1) return 1;
  // A page that is shorter than deserved goes alone: side by side, many short pages would share what one longer page can use.
  return budget.reserved > 0 ? 'wait' : allowed;
}

/** Learns from a page. */
export function learn(regime: Regime, limit: number, result: PageResult): Regime {
  if (limit === 1) return { ...regime, hops: regime.hops + 1 };
  if (result.distinct === result.documents) {
    const size = Math.max(regime.size, result.documents === limit ? limit * 2 : limit);
    return { size, hops: 0, tryAfter: firstTryAfter };
  }
  // The page met a project with several assets: about as many new tuples may follow each other as this one showed before it repeated itself.
  const size = Math.max(1, Math.min(regime.size, Math.floor(result.distinct / 2)));
  const tryAfter = size === 1 ? Math.min(lastTryAfter, regime.tryAfter * 2) : firstTryAfter;
  return { size, hops: 0, tryAfter };
}

export function createPagePacer(options: PacerOptions): PagePacer {
  const budget: Budget = {
    wasteShare: options.wasteShare,
    streams: options.streams,
    distinct: options.distinct ?? 0,
    waste: options.waste ?? 0,
    reserved: 0,
  };
  const regimes = new Map<string, Regime>();
  let waiting: { collection: string; grant: (grant: PageGrant) => void }[] = [];

  const regimeOf = (collection: string) => regimes.get(collection) ?? createRegime();
  const tryGrant = (collection: string): PageGrant | undefined => {
    const limit = nextPage(budget, regimeOf(collection), options.maxPage);
    if (limit === 'wait') return undefined;
    budget.reserved += limit - 1;
    return { collection, limit };
  };

  return {
    acquire(collection) {
      const grant = tryGrant(collection);
      if (grant) return Promise.resolve(grant);
      return new Promise((resolve) => waiting.push({ collection, grant: resolve }));
    },
    settle(grant, result) {
      budget.reserved -= grant.limit - 1;
      budget.distinct += result.distinct;
      budget.waste += result.documents - result.distinct;
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
