import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useWindow } from './useWindow.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The narrowest page that has room for it. Default: any. */
  readonly from?: 'medium' | 'wide';
  readonly kind?: 'number' | 'short' | 'time' | 'main';
}

/** Which rows are chosen, by key. */
export interface Selection {
  readonly chosen: ReadonlySet<string>;
  set(keys: ReadonlySet<string>): void;
  /** What one row is, for its box: `dead letter abc`. */
  label(key: string): string;
}

interface TableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly selection?: Selection | undefined;
  readonly isCurrent?: (row: Row) => boolean;
}

/** A table of rows of one height each; of long ones only what is near the view is drawn. */
export function Table<Row>({ label, rows, columns, keyOf, selection, isCurrent }: TableProps<Row>) {
  const { body, from, to, above, below } = useWindow(rows.length);
  const width = columns.length + (selection ? 1 : 0);
  return (
    <table aria-label={label} aria-rowcount={rows.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {selection && (
            <th class="check" scope="col">
              <AllBox rows={rows} keyOf={keyOf} selection={selection} />
            </th>
          )}
          {columns.map(({ title, from: room, kind }) => (
            <th key={title} scope="col" class={`${kind ?? ''} ${room ?? ''}`}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        <Spacer height={above} width={width} />
        {rows.slice(from, to).map((row, index) => {
          const key = keyOf(row);
          return (
            <tr
              key={key}
              data-row
              aria-rowindex={from + index + 2}
              aria-current={isCurrent?.(row) ? 'true' : undefined}
            >
              {selection && (
                <td class="check">
                  <RowBox id={key} selection={selection} />
                </td>
              )}
              {columns.map(({ title, cell, from: room, kind }) => (
                <td key={title} class={`${kind ?? ''} ${room ?? ''}`}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          );
        })}
        <Spacer height={below} width={width} />
      </tbody>
    </table>
  );
}

/** Stands for the rows that are not drawn. Its height is set on the element, for a strict policy refuses markup. */
function Spacer({ height, width }: { readonly height: number; readonly width: number }) {
  if (height <= 0) return null;
  return (
    <tr class="spacer" style={{ height: `${height}px` }}>
      <td colSpan={width} />
    </tr>
  );
}

function RowBox({ id, selection }: { readonly id: string; readonly selection: Selection }) {
  return (
    <input
      type="checkbox"
      aria-label={`Choose ${selection.label(id)}`}
      checked={selection.chosen.has(id)}
      onChange={() => {
        const keys = new Set(selection.chosen);
        if (!keys.delete(id)) keys.add(id);
        selection.set(keys);
      }}
    />
  );
}

interface AllBoxProps<Row> {
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly selection: Selection;
}

function AllBox<Row>({ rows, keyOf, selection }: AllBoxProps<Row>) {
  const box = useRef<HTMLInputElement>(null);
  const { size } = selection.chosen;
  const hasAll = size > 0 && size === rows.length;
  useEffect(() => {
    if (box.current) box.current.indeterminate = size > 0 && !hasAll;
  }, [size, hasAll]);
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label="Choose all that are loaded"
      checked={hasAll}
      onChange={() => selection.set(new Set(hasAll ? [] : rows.map(keyOf)))}
    />
  );
}
