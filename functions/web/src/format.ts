const integer = new Intl.NumberFormat();
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

export const count = (value: number): string => integer.format(value);

/** `1 project`, `2 projects`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const units = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1_000, name: 's' },
] as const;

/** A length of time as people say it: `420 ms`, `3.2 s`, `5 min`. */
export function duration(ms: number): string {
  const unit = units.find((candidate) => ms >= candidate.ms);
  if (!unit) return `${Math.round(ms)} ms`;
  const value = ms / unit.ms;
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${unit.name}`;
}

/** Local time; the day stands with it when it is not today. */
export function localTime(at: number, now: number): string {
  const [moment, today] = [new Date(at), new Date(now)];
  return moment.toDateString() === today.toDateString() ? clock.format(moment) : dayAndClock.format(moment);
}

export const utcTime = (at: number): string => `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)} UTC`;

export const money = (dollars: number): string => `$${dollars < 1 ? dollars.toFixed(4) : dollars.toFixed(2)}`;

/** A share of 1; never rounded up to 100 %. */
export const share = (value: number): string =>
  value === 1 ? '100 %' : `${(Math.floor(value * 10_000) / 100).toFixed(2)} %`;

/** `relayLag` -> `relay lag`. */
export const words = (name: string): string =>
  name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('-', ' ')
    .toLowerCase();

/** Any value of JSON for people: a list or a map as one line for each entry, everything else as one line. */
export function linesOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(lineOf);
  if (typeof value !== 'object' || value === null) return [lineOf(value)];
  return Object.entries(value).map(([name, inner]) => `${words(name)}: ${nested(inner)}`);
}

/** `Mara Okafor, role: owner` of a map with a name; `ink, watercolour` of a list. */
function lineOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(nested).join(', ');
  if (typeof value !== 'object') return String(value);
  if (value === null) return 'none';
  const entries = Object.entries(value);
  const title = entries.find(([name, inner]) => name === 'name' && typeof inner === 'string');
  const others = entries.filter((entry) => entry !== title).map(([name, inner]) => `${words(name)}: ${nested(inner)}`);
  return [...(title ? [String(title[1])] : []), ...others].join(', ');
}

const nested = (value: unknown): string =>
  typeof value === 'object' && value !== null ? `(${lineOf(value)})` : lineOf(value);
