import { useEffect, useState } from 'preact/hooks';

/** Where the page is: `#/jobs/abc?status=failed` is `['jobs', 'abc']` with `status`. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Reads the part of an address after `#`. One that cannot be read leads nowhere, and the page says so. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  try {
    return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
  } catch {
    return { path: ['unreadable address'], query: new URLSearchParams() };
  }
}

/** A link to a place on this page. */
export function linkTo(
  path: readonly string[],
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  return `#/${path.map(encodeURIComponent).join('/')}${search.size > 0 ? `?${search}` : ''}`;
}

/** Changes a filter in the address; the way back leads to where the person came from, not through every letter
 *  typed. */
export function setQuery(route: Route, changes: Readonly<Record<string, string>>): void {
  const query = { ...Object.fromEntries(route.query), ...changes };
  history.replaceState(null, '', linkTo(route.path, query));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const onChange = () => setRoute(parseRoute(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}
