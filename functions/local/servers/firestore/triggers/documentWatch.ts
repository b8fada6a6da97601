import type { Change } from '../store/store.ts';
import type { Micros } from '../values/document.ts';
import { type DocumentEvent, type DocumentEventKind, isOfKind, makeDocumentEvent } from './documentEvent.ts';
import { parseDocumentPattern } from './documentPattern.ts';

/** What a trigger waits for. */
export interface DocumentTrigger {
  /** `projects/P/databases/D` */
  readonly database: string;
  /** Path of a document with `{wildcards}`. */
  readonly document: string;
  readonly kind: DocumentEventKind;
}

/** Where the changes of documents are for whom a trigger asks. */
export interface DocumentEvents {
  /** Calls `deliver` once with each event of a trigger, right after the commit, until the returned function is called.
   *  @throws Error for a path that a trigger can't have */
  watch(trigger: DocumentTrigger, deliver: (event: DocumentEvent) => void): () => void;
}

/** The triggers of one server. */
export interface DocumentWatch extends DocumentEvents {
  /** For the databases: after every commit that changed something. Without triggers it does nothing. */
  changed(database: string, changes: readonly Change[], time: Micros): void;
}

export function createDocumentWatch(): DocumentWatch {
  const byDatabase = new Map<string, Set<(changes: readonly Change[], time: Micros) => void>>();
  return {
    watch({ database, document, kind }, deliver) {
      const matches = parseDocumentPattern(document);
      const watcher = (changes: readonly Change[], time: Micros) => {
        for (const change of changes) {
          if (isOfKind(change, kind) && matches(change.path)) deliver(makeDocumentEvent(database, change, kind, time));
        }
      };
      const watchers = byDatabase.get(database) ?? new Set();
      byDatabase.set(database, watchers.add(watcher));
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0) byDatabase.delete(database);
      };
    },
    changed(database, changes, time) {
      for (const watcher of byDatabase.get(database) ?? []) watcher(changes, time);
    },
  };
}
