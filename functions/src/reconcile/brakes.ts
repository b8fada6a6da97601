import { minuteMs } from '../clock.ts';
import type { Allowances } from '../events/reconciliationRequest.ts';
import { defaultHoldLimits, deletionsAllowed, type HoldLimits } from '../holds/limits.ts';
import type { OtherId } from '../source/otherIds.ts';

/** How much may be wrong before a run stops rather than act on it. */
export interface BrakeLimits {
  /** Projects gone since the last run: the brake takes hold when more than `share` of them and at least `atLeast` are
   *  missing; of few projects fewer are enough. */
  readonly shrink: { readonly share: number; readonly atLeast: number };
  /** The policy of mass deletions, one with the hold on events. */
  readonly deletions: HoldLimits;
  /** Second looks that may find alive what the first look found missing. */
  readonly contradictions: number;
}

export const brakeKinds = [
  'source-empty',
  'source-ids',
  'source-changed',
  'source-unsteady',
  'projects-shrunk',
  'too-many-orphans',
  'source-unreachable',
  'source-refused',
] as const;
export type BrakeKind = (typeof brakeKinds)[number];

/** Why a run stopped. Nothing is deleted after it. */
export interface Brake {
  readonly kind: BrakeKind;
  /** What was seen, in one sentence with numbers. */
  readonly saw: string;
  /** How to go on, if what was seen is right. */
  readonly goOn: string;
}

/** What MongoDB looked like to a run. */
export interface SourceSight {
  readonly database: string;
  readonly collection: string;
  /** Identity of the collection: one of the same name that was made again, or is in another cluster, has another.
   *  Null when MongoDB does not tell. */
  readonly uuid: string | null;
  readonly projects: number;
}

/** What a look at MongoDB tells. */
export interface SourceLook extends SourceSight {
  /** One of the projects whose `_id` has none of the configured forms, for their assets would pass for orphans; or
   *  null. */
  readonly otherId: OtherId | null;
}

/** Judges MongoDB before anything else is done: against the last finished run, or against the beginning of the same
 *  run. */
export function judgeSource(
  now: SourceLook,
  before: SourceSight | null,
  limits: BrakeLimits,
  allowed: Allowances,
): Brake | undefined {
  const name = `${now.database}.${now.collection}`;
  if (now.projects === 0) {
    return {
      kind: 'source-empty',
      saw: `${name} in MongoDB has no projects${before ? `; it had ${before.projects} at the last run` : ''}`,
      goOn: 'check MONGODB_URI and "source" in lockstep.config.ts. No flag allows an empty collection: if every project is really gone, delete the assets by hand',
    };
  }
  if (now.otherId !== null) return brakeForOtherId(name, now.otherId);
  if (before === null) return undefined;
  const differs =
    before.database !== now.database ||
    before.collection !== now.collection ||
    (before.uuid !== null && now.uuid !== null && before.uuid !== now.uuid);
  if (differs && allowed.source !== true) {
    return {
      kind: 'source-changed',
      saw: `${name} (${now.uuid ?? 'no uuid'}) is another collection than ${before.database}.${before.collection} (${before.uuid ?? 'no uuid'}), which was looked at before`,
      goOn: 'if MongoDB was moved or restored on purpose, run once with --allow-new-source',
    };
  }
  const gone = before.projects - now.projects;
  const atLeast = Math.max(oneAlone + 1, fewOf(before.projects, limits.shrink.atLeast));
  if (gone >= atLeast && gone > before.projects * limits.shrink.share && allowed.shrink !== true) {
    return {
      kind: 'projects-shrunk',
      saw: `${name} has ${now.projects} projects; it had ${before.projects} at the last run (${percent(gone / before.projects)} are gone, ${percent(limits.shrink.share)} are allowed)`,
      goOn: 'if so many projects were deleted on purpose, run once with --allow-shrink',
    };
  }
  return undefined;
}

/** No flag takes this brake off: an asset names its project in text, and for these projects that text is not known. */
function brakeForOtherId(name: string, { text, form }: OtherId): Brake {
  return {
    kind: 'source-ids',
    saw: `${name} has a project whose _id is ${text}, which is in none of the forms of "source.ids" in lockstep.config.ts`,
    goOn:
      form === null
        ? 'Lockstep cannot tell the assets of such a project from orphans. Give it an _id that is an ObjectId, a string or a UUID, or move it to another collection'
        : `if it is a project like the others, add '${form}' to "source.ids"; if not, check MONGODB_URI and "source", or move it to another collection`,
  };
}

/** The share of few projects that may be wrong although it is more than the usual one: a quarter. The numbers among the
 *  limits (20 orphans, 10 projects gone) are meant for many projects; of 15, they would be all there is. */
const shareOfFew = 1 / 4;

/** One project alone may always be gone: deleting one is what people do. */
const oneAlone = 1;

/** A limit that is meant for many projects, scaled to how many there are. */
function fewOf(projects: number, limit: number): number {
  return Math.min(limit, Math.max(oneAlone, Math.floor(projects * shareOfFew)));
}

/** The policy as reconciliation applies it. Who switches the hold off has said nothing about a wrong MongoDB. */
export function deletionPolicy({ deletions }: BrakeLimits): HoldLimits {
  return deletions.maxProjects > 0 ? deletions : { ...deletions, maxProjects: defaultHoldLimits.maxProjects };
}

/** What a run has found that speaks for or against MongoDB. */
export interface OrphansFound {
  readonly orphans: number;
  /** Other projects whose deletion became known within the window. */
  readonly recent: number;
  /** The projects among which the orphans were found. */
  readonly projects: number;
  /** Whether all projects were seen. */
  readonly complete: boolean;
}

/** Judges how many projects would have been deleted within the window, by events and by this run. */
export function judgeOrphans(found: OrphansFound, limits: BrakeLimits, allowed: Allowances): Brake | undefined {
  const { orphans, recent, projects, complete } = found;
  const policy = deletionPolicy(limits);
  const limit = allowed.orphans ?? deletionsAllowed(policy, projects + recent);
  const deletions = allowed.orphans === undefined ? orphans + recent : orphans;
  if (orphans === 0 || deletions <= limit) return undefined;
  const minutes = Math.round(policy.windowMs / minuteMs);
  const others = deletions > orphans ? `, and ${recent} others were deleted within ${minutes} minutes` : '';
  const soFar = complete ? '' : ' so far';
  return {
    kind: 'too-many-orphans',
    saw: `${orphans} of ${projects} projects${soFar} are not in MongoDB${others}; up to ${limit} are allowed`,
    goOn: `if they are really gone, run with --allow-orphans ${orphans}${complete ? '' : ' or more (a report counts them all)'}`,
  };
}

/** Judges how often a second look found alive what the first had found missing. */
export function judgeContradictions(contradictions: number, limits: BrakeLimits): Brake | undefined {
  if (contradictions <= limits.contradictions) return undefined;
  return {
    kind: 'source-unsteady',
    saw: `${contradictions} projects that MongoDB did not have at the first look were there at the second`,
    goOn: 'check that all members of the replica set hold the same data, and run again',
  };
}

/** The brake for a MongoDB that did not answer: never taken for "does not exist". */
export function brakeForSourceError(refused: boolean, text: string): Brake {
  return refused
    ? {
        kind: 'source-refused',
        saw: `MongoDB refused to answer: ${text}`,
        goOn: 'give the user of MONGODB_URI the role "read" on the database of the projects, and run again',
      }
    : {
        kind: 'source-unreachable',
        saw: `MongoDB did not answer: ${text}`,
        goOn: 'run again when MongoDB can be reached and its members have caught up',
      };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** What is looked at of the outcome of a run; `ReconcileOutcome` is one. */
type Outcome =
  | { readonly kind: 'done' | 'continued' | 'cancelled' }
  | { readonly kind: 'braked'; readonly brake: Pick<Brake, 'kind' | 'saw'>; readonly isSeen: boolean }
  | { readonly kind: 'busy'; readonly until: number };

/** Why a request has to be redelivered after this outcome, or undefined when it is dealt with. Who asked because
 *  changes may have been missed relies on it: an unreachable MongoDB must not end the request, in none of its
 *  invocations. Other brakes wait for a person, and so does every brake of a run that a person has asked for. */
export function reasonToRedeliver(outcome: Outcome): string | undefined {
  if (outcome.kind === 'busy') {
    return `another reconciliation is at work until ${new Date(outcome.until).toISOString()} at least`;
  }
  if (outcome.kind === 'braked' && outcome.brake.kind === 'source-unreachable' && !outcome.isSeen) {
    return outcome.brake.saw;
  }
  return undefined;
}
