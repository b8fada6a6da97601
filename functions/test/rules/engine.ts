import type { DocumentData } from '../../local/rules/values.ts';

/** One write of a client. `set` replaces or creates, as the client SDKs do; `update` needs the document to be there. */
export type ClientWrite =
  | { readonly kind: 'set'; readonly path: string; readonly data: DocumentData }
  | { readonly kind: 'update'; readonly path: string; readonly fields: DocumentData }
  | { readonly kind: 'delete'; readonly path: string };

/** A condition of a query: a field, and the value that it has to have. */
export interface Equal {
  readonly field: string;
  readonly value: string;
}

/** What a client does in one request. */
export type ClientRequest =
  | ClientWrite
  | { readonly kind: 'get'; readonly path: string }
  | { readonly kind: 'list'; readonly collection: string; readonly equal?: Equal }
  | { readonly kind: 'listGroup'; readonly group: string }
  | { readonly kind: 'batch'; readonly writes: readonly ClientWrite[] };

/** A request with everything that the rules may look at. */
export interface Attempt {
  /** Documents that are there before, by path. */
  readonly given: Readonly<Record<string, DocumentData>>;
  /** Who asks; undefined: nobody signed in. */
  readonly as: string | undefined;
  readonly request: ClientRequest;
}

/** Something that judges requests by a rules text. */
export interface RulesEngine {
  readonly name: string;
  isAllowed(attempt: Attempt): Promise<boolean>;
  close(): Promise<void>;
}
