import { type FailPointData, type FailPointName, failPointData, parseMode } from './parseFailPoint.ts';

/** What a server does wrong on purpose (https://github.com/mongodb/mongo/wiki/The-%22failCommand%22-fail-point). */
export interface FailPoints {
  /** Switches one on or off, and tells how often it was met until now. Throws for an unknown name, mode or data. */
  configure(name: string, mode: unknown, data: unknown): number;
  /** What is to be done wrong here, if anything; this counts as met. `concerns`: whether it is about this case. */
  meet(name: FailPointName, concerns?: (data: FailPointData) => boolean): FailPointData | undefined;
}

interface Active {
  readonly data: FailPointData;
  skip: number;
  times: number;
  readonly probability: number;
}

export function createFailPoints(random: () => number): FailPoints {
  const active = new Map<string, Active>();
  const met = new Map<string, number>();
  return {
    configure(name, mode, data) {
      const { skip = 0, times = Number.POSITIVE_INFINITY, probability = 1 } = parseMode(mode);
      active.set(name, { data: failPointData(name, data), skip, times, probability });
      return met.get(name) ?? 0;
    },
    meet(name, concerns = () => true) {
      const point = active.get(name);
      if (!point || point.times <= 0 || !concerns(point.data)) return undefined;
      if (point.skip > 0) {
        point.skip -= 1;
        return undefined;
      }
      if (point.probability < 1 && random() >= point.probability) return undefined;
      point.times -= 1;
      met.set(name, (met.get(name) ?? 0) + 1);
      return point.data;
    },
  };
}
