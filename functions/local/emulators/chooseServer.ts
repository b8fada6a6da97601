/** The Java that Firebase's own emulators need: the CLI refuses older ones. */
export const leastJava = 21;

/** Where one of Firebase's own emulators stands on this machine. */
export type Download =
  | { readonly kind: 'there' }
  | { readonly kind: 'fetchable'; readonly url: string; readonly bytes: number }
  | { readonly kind: 'out-of-reach'; readonly why: string };

/** Which server stands behind one of the services, and why. */
export type Choice =
  | { readonly kind: 'given'; readonly host: string; readonly why: string }
  | { readonly kind: 'official'; readonly why: string }
  | { readonly kind: 'ours'; readonly why: string };

export interface Circumstances {
  /** Major version of the `java` on the path; undefined: there is none. */
  readonly java: number | undefined;
  readonly download: Download;
  /** Ours were asked for. */
  readonly preferOurs: boolean;
  /** Where one runs already. */
  readonly given?: { readonly variable: string; readonly host: string } | undefined;
}

const bytesPerMebibyte = 1_048_576;

/** Takes Firebase's own emulator where it can run. */
export function chooseServer({ java, download, preferOurs, given }: Circumstances): Choice {
  if (given) return { kind: 'given', host: given.host, why: `${given.variable} names it` };
  if (preferOurs) return { kind: 'ours', why: 'asked for' };
  if (java === undefined) return { kind: 'ours', why: `Firebase's own needs Java ${leastJava}, and there is no Java` };
  if (java < leastJava)
    return { kind: 'ours', why: `Firebase's own needs Java ${leastJava}, and this is Java ${java}` };
  switch (download.kind) {
    case 'there':
      return { kind: 'official', why: `Java ${java}, downloaded before` };
    case 'fetchable':
      return {
        kind: 'official',
        why: `Java ${java}, fetched once (${Math.round(download.bytes / bytesPerMebibyte)} MiB)`,
      };
    case 'out-of-reach':
      return { kind: 'ours', why: `Firebase's own is not downloaded, and cannot be: ${download.why}` };
  }
}

/** The major version in what `java -version` prints; undefined when there is none. Before Java 9 it was the second number (1.8). */
export function javaMajorVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  if (first === undefined) return undefined;
  return Number(first === '1' ? second : first);
}
