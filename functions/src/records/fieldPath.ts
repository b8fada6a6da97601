import { FieldPath } from 'firebase-admin/firestore';

/** A dotted path of the configuration as the SDK takes it. */
export function fieldPathOf(path: string): FieldPath {
  return new FieldPath(...path.split('.'));
}
