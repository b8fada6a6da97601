/** List prices in US dollars, Tier 1 regions, without free quotas. */
export const cloudPrices = {
  /** While at least one request is worked on (https://cloud.google.com/run/pricing). */
  vcpuSecond: 0.000024,
  gibibyteSecond: 0.0000025,
  requestsPerMillion: 0.4,
  /** (https://cloud.google.com/pubsub/pricing) */
  pubsubPerTebibyte: 40,
  /** Each publish and each push counts as so many bytes at least (https://cloud.google.com/pubsub/pricing). */
  pubsubLeastBytes: 1_000,
} as const;

/** Memory of `syncProject` and of the relay, in GiB: `src/triggers/syncProject.ts`. */
export const functionGibibytes = 0.5;
