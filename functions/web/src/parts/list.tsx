import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Pages } from '../api/usePages.ts';
import { count } from '../format.ts';
import { Loading, ProblemNotice } from './notice.tsx';
import { type Column, type Selection, Table } from './table.tsx';

interface ListProps<Row> {
  readonly label: string;
  readonly pages: Pages<Row>;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  /** What is shown instead of an empty table. */
  readonly empty: ComponentChildren;
  readonly selection?: Selection | undefined;
  readonly isCurrent?: (row: Row) => boolean;
}

/** A list of the API: its table, what its emptiness means, what went wrong, and the way to the next page. */
export function List<Row>({ label, pages, columns, keyOf, empty, selection, isCurrent }: ListProps<Row>) {
  const { items, problem, more, isLoading } = pages;
  return (
    <>
      {problem && <ProblemNotice problem={problem} />}
      {items === undefined && !problem && <Loading />}
      {items?.length === 0 && empty}
      {items !== undefined && items.length > 0 && (
        <>
          <Table
            label={label}
            rows={items}
            columns={columns}
            keyOf={keyOf}
            selection={selection}
            {...(isCurrent && { isCurrent })}
          />
          <Foot loaded={items.length} more={more} isLoading={isLoading} hasFailed={problem !== undefined} />
        </>
      )}
    </>
  );
}

interface FootProps {
  readonly loaded: number;
  readonly more: (() => Promise<void>) | undefined;
  readonly isLoading: boolean;
  readonly hasFailed: boolean;
}

/** Loads the next page when the end of the list comes near, or on a click. After a failure it waits for the next poll
 *  to succeed: the end of the list is still near, and would ask again at once, for ever. */
function Foot({ loaded, more, isLoading, hasFailed }: FootProps) {
  const foot = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!foot.current || !more || isLoading || hasFailed) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) void more();
      },
      { rootMargin: '400px' },
    );
    observer.observe(foot.current);
    return () => observer.disconnect();
  }, [more, isLoading, hasFailed]);
  return (
    <div ref={foot} class="foot">
      <span class="muted" aria-live="polite">
        {count(loaded)} loaded{more ? '' : ', that is all'}
      </span>
      {more && (
        <button type="button" disabled={isLoading} onClick={() => void more()}>
          {isLoading ? 'Loading…' : 'Load more'}
        </button>
      )}
    </div>
  );
}
