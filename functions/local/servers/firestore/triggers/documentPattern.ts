/** Whether a document is one of those that a trigger is for. */
export type DocumentPattern = (path: string) => boolean;

const capture = /^\{[A-Za-z_]\w*\}$/;

/** Reads the path that a Firestore trigger names: of a document, where `{name}` stands for any one segment.
 *  https://firebase.google.com/docs/functions/firestore-events#wildcards-parameters knows no other wildcard, so `**`
 *  and parts of segments are refused here, and with them a trigger for a collection group.
 *  @throws Error that names the path and what is wrong with it */
export function parseDocumentPattern(text: string): DocumentPattern {
  const segments = text.replace(/^\/|\/$/g, '').split('/');
  const refuse = (why: string) => new Error(`The document path "${text}" of a Firestore trigger ${why}.`);
  if (segments.length % 2 !== 0) throw refuse('names a collection, not a document');
  for (const segment of segments) {
    if (segment === '') throw refuse('has an empty segment');
    if (/[{}*]/.test(segment) && !capture.test(segment)) {
      throw refuse(`has the segment "${segment}"; a wildcard is a whole segment, {name}, and stands for one`);
    }
  }
  return (path) => {
    const ids = path.split('/');
    return (
      ids.length === segments.length && segments.every((segment, at) => capture.test(segment) || segment === ids[at])
    );
  };
}
