import { minuteMs } from '../../src/clock.ts';

/** What Google publishes as limits, and where. */
export interface PublishedLimits {
  /** A collection should begin with so many operations a second and grow by a share in each window: "500/50/5"
   *  (https://firebase.google.com/docs/firestore/best-practices#ramping_up_traffic). */
  readonly rampStartPerSecond: number;
  readonly rampGrowth: number;
  readonly rampWindowMs: number;
  /** Writes a second to one database: the limit until 2022 (https://firebase.google.com/docs/firestore/quotas of that
   *  time). Google has lifted it since (https://cloud.google.com/firestore/docs/release-notes) and publishes no other
   *  figure, so it stays here as the highest rate that was ever promised. */
  readonly writesPerSecond: number;
  /** Writes a second to a collection whose documents hold rising values in an indexed field, as times are
   *  (https://cloud.google.com/firestore/quotas#soft_limits). */
  readonly sequentialWritesPerSecond: number;
  /** Instances of one function, of 1 vCPU and up to 2 GiB, by the usual quota of a region
   *  (https://cloud.google.com/run/docs/configuring/max-instances-limits). */
  readonly instancesPerRegion: number;
  /** Requests at once in one instance, at most
   *  (https://cloud.google.com/run/docs/about-concurrency). */
  readonly requestsPerInstance: number;
  /** Bytes a second to a publisher and to push endpoints, in a large region, as they were when lowest
   *  (https://cloud.google.com/pubsub/quotas). Eventarc delivers by push subscriptions, and has no quota of its own for
   *  Pub/Sub triggers (https://cloud.google.com/eventarc/docs/quotas). */
  readonly publishBytesPerSecond: number;
  readonly pushBytesPerSecond: number;
  /** The longest that MongoDB's log must reach back is not a limit of a service: a change stream cannot be resumed from
   *  before it (https://www.mongodb.com/docs/manual/administration/change-streams-production-recommendations/). No
   *  figure is published for the throughput of a change stream: the benchmark `relay` measures it. */
  readonly usualOplogHours: number;
}

export const publishedLimits: PublishedLimits = {
  rampStartPerSecond: 500,
  rampGrowth: 0.5,
  rampWindowMs: 5 * minuteMs,
  writesPerSecond: 10_000,
  sequentialWritesPerSecond: 500,
  instancesPerRegion: 1_000,
  requestsPerInstance: 1_000,
  publishBytesPerSecond: 200_000_000,
  pushBytesPerSecond: 20_000_000,
  usualOplogHours: 24,
};
