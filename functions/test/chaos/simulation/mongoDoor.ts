import type { ProjectStream } from '../../../src/relay/changeStream/open.ts';
import type { ProjectsSource } from '../../../src/source/connect.ts';
import type { Actor } from './actor.ts';
import type { Door } from './door.ts';

type Method = (...args: unknown[]) => unknown;

/** How a quiet stream is waited for: virtual time passes instead of MongoDB's. */
export interface StreamPace {
  /** Resolves when there may be something new, at the latest after a while. */
  quiet(actor: Actor): Promise<void>;
}

/** A view of the connected projects in which every call of `actor` goes through the door. */
export function sourceThrough(door: Door, actor: Actor, source: ProjectsSource, pace: StreamPace): ProjectsSource {
  const through =
    (what: string, method: Method): Method =>
    (...args) =>
      door.call(actor, 'mongodb', what, async () => method(...args));

  const projects = watched(source.projects, (key, method) => {
    if (key === 'findOne' || key === 'countDocuments') return through(key, method);
    if (key === 'find' || key === 'aggregate') return (...args) => cursorThrough(key, method(...args));
    if (key === 'watch') return (...args) => streamThrough(method(...args));
    return undefined;
  });

  const client = watched(source.client, (key, method) => {
    if (key !== 'db') return undefined;
    return (...args) => {
      const database = method(...args);
      if (!isObject(database)) return database;
      return watched(database, (name, inner) => {
        if (name === 'command') return through('command', inner);
        if (name === 'listCollections') return (...options) => cursorThrough(name, inner(...options));
        return undefined;
      });
    };
  });

  /** A cursor that is read to its end in one call. */
  function cursorThrough(what: string, cursor: unknown): unknown {
    if (!isObject(cursor)) return cursor;
    const read = Reflect.get(cursor, 'toArray', cursor);
    const toArray = (): Promise<unknown[]> =>
      door.call(actor, 'mongodb', what, async () => {
        const documents: unknown = isMethod(read) ? await read.apply(cursor) : [];
        return Array.isArray(documents) ? documents : [];
      });
    return {
      toArray,
      async *[Symbol.asyncIterator]() {
        yield* await toArray();
      },
    };
  }

  /** What talks to MongoDB for as long as it takes really, while no virtual time passes: otherwise the load of the
   *  machine would decide what happens meanwhile. */
  function alone<T>(act: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => void actor.schedule(1, () => act().then(resolve, reject)));
  }

  function streamThrough(stream: unknown): unknown {
    if (!isStream(stream)) return stream;
    return watched(stream, (key, method) => {
      if (key === 'close') return () => alone(async () => method());
      if (key !== 'tryNext') return undefined;
      return async () => {
        const change = await door.call(actor, 'mongodb', 'tryNext', async () => method());
        if (change === null && !stream.closed) await pace.quiet(actor);
        return change;
      };
    });
  }

  return {
    client,
    projects,
    async again() {
      const opened = await alone(() => source.again());
      // The connections of a process end with it.
      actor.onDeath(() => void opened.close());
      return sourceThrough(door, actor, opened, pace);
    },
    close: () => source.close(),
  };
}

function watched<T extends object>(target: T, intercept: (key: PropertyKey, method: Method) => Method | undefined): T {
  return new Proxy(target, {
    get(_target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (!isMethod(value)) return value;
      const method: Method = (...args) => value.apply(target, args);
      return intercept(key, method) ?? method;
    },
  });
}

function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isStream(value: unknown): value is ProjectStream {
  return isObject(value) && 'tryNext' in value;
}
