/** Makes any text a valid Firestore document id, one to one: no `/`, not `.` or `..`, not `__…__`
 *  (https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields).
 *  Plain ids such as the hex form of an ObjectId stay as they are, so that an operator can find them. */
export function documentIdFrom(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E').replace(/^__/, '%5F_');
}

/** Longest document id, in bytes: https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields */
const maxDocumentIdBytes = 1_500;

/** Whether `documentIdFrom` makes an id of a text that a document can have; for input of unknown origin. */
export function hasDocumentId(text: string): boolean {
  return text !== '' && text.isWellFormed() && documentIdFrom(text).length <= maxDocumentIdBytes;
}

/** The text that `documentIdFrom` was given. An id that it never makes, of a record that somebody wrote by hand, is its
 *  own text: one such record must not hide its neighbours. */
export function textFromDocumentId(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
