import type { Firestore, Transaction } from 'firebase-admin/firestore';
import type { Actor } from './actor.ts';
import type { Door } from './door.ts';

/** Methods of references and queries that talk to the server; every other one builds a reference or a query. */
const calls: ReadonlySet<PropertyKey> = new Set([
  'get',
  'set',
  'create',
  'update',
  'delete',
  'add',
  'commit',
  'listDocuments',
  'listCollections',
]);

/** Reads in a transaction, which talk to the server at once; its writes wait for the commit. */
const transactionReads: ReadonlySet<PropertyKey> = new Set(['get', 'getAll']);

export interface FirestoreView {
  /** Called after every write outside a transaction. */
  readonly onWrite: (path: string) => Promise<void>;
  /** Called after every transaction that wrote, with the paths that were set. */
  readonly onCommit: (paths: readonly string[]) => Promise<void>;
  /** Called after every transaction that deleted or archived something. */
  readonly onDeletion: () => Promise<void>;
  /** Documents that one transaction may delete or update, beyond which Firestore calls it too big. */
  readonly mostWrites: number;
}

/** A view of a client in which every call of `actor` goes through the door. References that come out of snapshots are
 *  the plain ones. */
export function firestoreThrough(
  door: Door,
  actor: Actor,
  firestore: Firestore,
  { onWrite, onCommit, onDeletion, mostWrites }: FirestoreView,
): Firestore {
  const originals = new WeakMap<object, object>();
  const plain = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value;

  function wrapped<T extends object>(
    target: T,
    intercept: (key: PropertyKey, method: Method) => Method | undefined,
  ): T {
    const proxy = new Proxy(target, {
      get(_target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (!isMethod(value)) return value;
        const method: Method = (...args) => value.apply(target, args.map(plain));
        return intercept(key, method) ?? ((...args: unknown[]) => follow(method(...args)));
      },
    });
    originals.set(proxy, target);
    return proxy;
  }

  /** What a builder returned is watched as well. */
  function follow(result: unknown): unknown {
    if (typeof result !== 'object' || result === null || result instanceof Promise) return result;
    return wrapped(result, (key, method) => {
      // What is put into a batch is sent when the batch is.
      const isGathered = 'commit' in result && key !== 'commit';
      if (!calls.has(key) || isGathered) return undefined;
      return (...args) => {
        const path = 'path' in result ? String(result.path) : 'commit' in result ? 'a batch' : describeQuery(result);
        return door.call(actor, 'firestore', `${String(key)} ${path}`, async () => {
          const answer = await method(...args);
          if (key !== 'get') await onWrite(path);
          return answer;
        });
      };
    });
  }

  function transactionOf(transaction: Transaction, notes: string[]): Transaction {
    return wrapped(transaction, (key, method) => (...args) => {
      const target = plain(args[0]);
      const path =
        typeof target === 'object' && target !== null && 'path' in target ? String(target.path) : describeQuery(target);
      notes.push(`${String(key)} ${path}`);
      if (transactionReads.has(key)) door.inside(actor, `${String(key)} ${path} in a transaction`);
      return method(...args);
    });
  }

  return wrapped(firestore, (key, method) => {
    if (key === 'getAll')
      return (...args) => door.call(actor, 'firestore', `getAll of ${args.length}`, async () => method(...args));
    if (key !== 'runTransaction') return undefined;
    return (act, options) => {
      const notes: string[] = [];
      const what = { toString: () => `transaction (${notes.join(', ')})` };
      return door.call(actor, 'firestore', what, async () => {
        notes.length = 0;
        const narrowed = async (transaction: Transaction) => {
          const answer = isMethod(act) ? await act(transactionOf(transaction, notes)) : undefined;
          if (notes.filter((note) => /^(delete|update) /.test(note)).length > mostWrites) throw tooBig();
          return answer;
        };
        const answer = await method(narrowed, options);
        const paths = notes.filter((note) => note.startsWith('set ')).map((note) => note.slice('set '.length));
        if (paths.length > 0) await onCommit(paths);
        if (notes.some((note) => /^(delete|create syncArchive\/)/.test(note))) await onDeletion();
        return answer;
      });
    };
  });
}

/** What Firestore says to a transaction that is over its limits; how many documents that are depends on the documents.
 */
function tooBig(): Error {
  return Object.assign(new Error('3 INVALID_ARGUMENT: Transaction too big. Decrease transaction size.'), { code: 3 });
}

type Method = (...args: unknown[]) => unknown;

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

/** The collection of a query, for the trace: the client keeps it in a field that has no public name. */
function describeQuery(query: unknown): string {
  if (typeof query !== 'object' || query === null || !('_queryOptions' in query)) return 'query';
  const options = query._queryOptions;
  const id = typeof options === 'object' && options !== null && 'collectionId' in options ? options.collectionId : '';
  return `query of ${String(id) || 'everything below an asset'}`;
}
