import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The Java that Firebase's own Firestore emulator needs: the CLI refuses older ones. */
const leastJava = 21;

/** Which Firestore the functions get, and why. */
export type FirestoreChoice =
  | { readonly kind: 'given'; readonly host: string; readonly why: string }
  | { readonly kind: 'official'; readonly why: string }
  | { readonly kind: 'ours'; readonly why: string };

/** One that is named comes first, then Firebase's own where it can run, then ours.
 *  @param javaText what `java -version` prints; empty where there is no Java */
export function chooseFirestore(given: string | undefined, preferOurs: boolean, javaText: string): FirestoreChoice {
  if (given) return { kind: 'given', host: given, why: 'FIRESTORE_EMULATOR_HOST names it' };
  if (preferOurs) return { kind: 'ours', why: 'asked for' };
  const java = javaMajorVersion(javaText);
  if (java === undefined) return { kind: 'ours', why: `Firebase's own needs Java ${leastJava}, and there is no Java` };
  if (java < leastJava) return { kind: 'ours', why: `Firebase's own needs Java ${leastJava}, this is Java ${java}` };
  return { kind: 'official', why: `Java ${java}; downloaded at the first use` };
}

/** What `java -version` prints; empty when there is no Java that runs. */
export async function javaVersionText(): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)('java', ['-version']);
    return stdout + stderr;
  } catch {
    // A missing `java` and one that cannot start (a stub that asks for an installation) are the same here: none to use.
    return '';
  }
}

/** Before Java 9 the major version was the second number (1.8). */
function javaMajorVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return first === undefined ? undefined : Number(first === '1' ? second : first);
}
