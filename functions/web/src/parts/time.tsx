import { localTime, utcTime } from '../format.ts';

/** A moment in local time, with UTC on hover. */
export function Time({ at }: { readonly at: number | null }) {
  if (at === null) return <span class="muted">–</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={utcTime(at)}>
      {localTime(at, Date.now())}
    </time>
  );
}
