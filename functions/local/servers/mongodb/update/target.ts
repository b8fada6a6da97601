import { isIndex, setField } from '../bson/paths.ts';
import { type Document, isDocument } from '../bson/values.ts';
import { badValue, CommandError } from '../errors.ts';
import { isIdentical } from './description.ts';

/** One field of a document that is being updated, and the list of what was touched. */
export interface Target {
  readonly path: string;
  /** The value now; `undefined` if there is none. */
  value(): unknown;
  /** Sets the value, making the missing documents on the way. What is there already is not touched. */
  set(value: unknown): void;
  /** Puts values behind the last element of the array that is there. */
  append(values: readonly unknown[]): void;
  /** Removes the field; an element of an array becomes null. */
  remove(): void;
}

/** Filling an array up to an index with nulls ends here, as it does on a real server. */
const largestPadding = 1_500_000;

type Container = Document | unknown[];

const isContainer = (value: unknown): value is Container => isDocument(value) || Array.isArray(value);

/** Opens the field at a path that has no placeholders any more. */
export function openTarget(document: Document, parts: readonly string[], touched: Set<string>): Target {
  const path = parts.join('.');
  const last = parts.at(-1) ?? '';
  const parent = (): Container | undefined => {
    let container: unknown = document;
    for (const part of parts.slice(0, -1)) container = isContainer(container) ? child(container, part) : undefined;
    return isContainer(container) ? container : undefined;
  };
  const value = () => {
    const container = parent();
    return container ? child(container, last) : undefined;
  };
  return {
    path,
    value,
    set(next) {
      if (isIdentical(value(), next)) return;
      touched.add(write(document, parts, next));
    },
    append(values) {
      const array = value();
      if (!Array.isArray(array)) return;
      for (const item of values) {
        touched.add(`${path}.${array.length}`);
        array.push(item);
      }
    },
    remove() {
      const container = parent();
      if (!container || child(container, last) === undefined) return;
      if (Array.isArray(container)) container[Number(last)] = null;
      else delete container[last];
      touched.add(path);
    },
  };
}

function child(container: Container, part: string): unknown {
  if (Array.isArray(container)) return isIndex(part) ? container[Number(part)] : undefined;
  return Object.hasOwn(container, part) ? container[part] : undefined;
}

/** Writes a value and returns the path of the first thing that was new: all of that is part of the change. */
function write(document: Document, parts: readonly string[], value: unknown): string {
  let container: Container = document;
  let firstNew: string | undefined;
  for (let i = 0; i < parts.length - 1; i += 1) {
    const part = parts[i] ?? '';
    let next = child(container, part);
    if (next === undefined) {
      next = {};
      place(container, part, next, parts.slice(0, i));
      firstNew ??= parts.slice(0, i + 1).join('.');
    } else if (!isContainer(next)) {
      throw new CommandError(28, `Cannot create field '${parts[i + 1]}' in element {${part}: ${describe(next)}}`);
    }
    if (!isContainer(next)) throw badValue('unreachable: neither a document nor an array');
    container = next;
  }
  place(container, parts.at(-1) ?? '', value, parts.slice(0, -1));
  return firstNew ?? parts.join('.');
}

function place(container: Container, part: string, value: unknown, above: readonly string[]): void {
  if (!Array.isArray(container)) {
    setField(container, part, value);
    return;
  }
  if (!isIndex(part))
    throw new CommandError(
      28,
      `Cannot create field '${part}' in element {${above.at(-1) ?? ''}: ${describe(container)}}`,
    );
  const index = Number(part);
  if (index - container.length > largestPadding) throw badValue(`can't backfill more than ${largestPadding} elements`);
  while (container.length < index) container.push(null);
  container[index] = value;
}

function describe(value: unknown): string {
  return Array.isArray(value)
    ? `[ ${value.length} elements ]`
    : typeof value === 'string'
      ? `"${value}"`
      : String(value);
}
