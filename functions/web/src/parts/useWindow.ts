import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Rows that are kept above and below what is seen, so that a quick scroll meets rows, not blanks. */
const overscan = 20;

/** Lists up to this length are shown whole. */
const wholeUpTo = 150;

/** Which rows of a long table to draw: those near what is seen. All rows have the height of the first. */
export function useWindow(rows: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [range, setRange] = useState({ from: 0, to: wholeUpTo, height: 0 });
  const isWindowed = rows > wholeUpTo;
  const measure = useRef(() => {});
  measure.current = () => {
    const section = body.current;
    if (!section || !isWindowed) return;
    const height = section.querySelector('tr[data-row]')?.getBoundingClientRect().height ?? 0;
    if (height === 0) return;
    const above = -section.getBoundingClientRect().top;
    const first = Math.floor(above / height) - overscan;
    const shown = Math.ceil(innerHeight / height) + 2 * overscan;
    // Steps of ten rows: not every pixel of a scroll draws anew.
    const from = Math.min(Math.max(0, Math.floor(first / 10) * 10), Math.max(0, rows - shown));
    const to = Math.min(rows, from + shown + 10);
    setRange((before) =>
      before.from === from && before.to === to && before.height === height ? before : { from, to, height },
    );
  };
  useEffect(() => {
    const onScroll = () => measure.current();
    addEventListener('scroll', onScroll, { passive: true });
    addEventListener('resize', onScroll);
    return () => {
      removeEventListener('scroll', onScroll);
      removeEventListener('resize', onScroll);
    };
  }, []);
  useLayoutEffect(() => measure.current());
  if (!isWindowed) return { body, from: 0, to: rows, above: 0, below: 0 };
  const from = Math.min(range.from, rows);
  const to = Math.min(Math.max(range.to, from), rows);
  return { body, from, to, above: from * range.height, below: (rows - to) * range.height };
}
