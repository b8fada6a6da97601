/** Longest wait for an answer and its body, in ms: the function answers within 60 s, or never. */
const defaultPatienceMs = 65_000;

/** `fetch` that gives a connection up that hangs: without it a poll would wait for ever, and show what was. */
export function withPatience(fetch: typeof globalThis.fetch, patienceMs = defaultPatienceMs): typeof globalThis.fetch {
  return (input, init) => {
    const signals = [init?.signal, AbortSignal.timeout(patienceMs)];
    return fetch(input, { ...init, signal: AbortSignal.any(signals.filter((signal) => signal != null)) });
  };
}
