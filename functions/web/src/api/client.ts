import { type Problem, problemOf, unreachable } from './problem.ts';

/** What a request came back with. */
export type Answer<T> =
  | { readonly kind: 'ok'; readonly value: T; readonly etag: string | null }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface Api {
  /** Reads a view; with the `etag` of an earlier answer it may be `unchanged`. */
  get<T>(path: string, options?: { readonly etag?: string | null; readonly signal?: AbortSignal }): Promise<Answer<T>>;
  post<T>(path: string, body: object): Promise<Answer<T>>;
  /** A file as the API makes it. */
  download(path: string): Promise<Answer<Blob>>;
}

export interface ApiOptions {
  /** The caller's ID token; `fresh` asks for a new one. */
  token(fresh: boolean): Promise<string>;
  readonly fetch: typeof fetch;
}

/** The API below `/api`, as the person who is signed in. */
export function createApi({ token, fetch }: ApiOptions): Api {
  async function send<T>(
    path: string,
    init: RequestInit,
    headers: Readonly<Record<string, string>>,
    read: (response: Response) => Promise<T>,
  ): Promise<Answer<T>> {
    try {
      const ask = async (fresh: boolean) =>
        fetch(`/api${path}`, {
          ...init,
          headers: { ...headers, authorization: `Bearer ${await token(fresh)}` },
          // The ETags are kept here, beside the values that they belong to.
          cache: 'no-store',
          credentials: 'omit',
        });
      let response = await ask(false);
      // A token may have run out while the machine slept; a second refusal is final.
      if (response.status === 401) response = await ask(true);
      if (response.status === 304) return { kind: 'unchanged' };
      if (!response.ok) return { kind: 'problem', problem: await problemOf(response) };
      return { kind: 'ok', value: await read(response), etag: response.headers.get('etag') };
    } catch (error) {
      return { kind: 'problem', problem: unreachable(error) };
    }
  }
  return {
    get: (path, { etag, signal } = {}) =>
      send(path, signal ? { signal } : {}, etag ? { 'if-none-match': etag } : {}, (response) => response.json()),
    post: (path, body) =>
      send(path, { method: 'POST', body: JSON.stringify(body) }, { 'content-type': 'application/json' }, (response) =>
        response.json(),
      ),
    download: (path) => send(path, {}, {}, (response) => response.blob()),
  };
}

/** A path with its query; values that are empty are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | null | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  return search.size > 0 ? `${path}?${search}` : path;
}
