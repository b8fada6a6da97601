import type { Firestore } from 'firebase-admin/firestore';
import type { Config } from '../config/defineConfig.ts';
import { fileFieldsOf, filesOfDocument, keyOnly } from './documentFiles.ts';
import { type Holder, referencesOf, writeReferences } from './fileRecords.ts';
import type { FileSettings } from './fileSettings.ts';

export interface IndexDependencies {
  readonly firestore: Firestore;
  readonly config: Pick<Config, 'collections'>;
  readonly settings: FileSettings;
}

/** Brings the record of which files an asset names to what it names now, whatever a late or early event says: asset and
 *  record are read in one transaction. Costs 2 reads, and a write where they differ. */
export async function indexAsset(dependencies: IndexDependencies, path: string): Promise<'written' | 'unchanged'> {
  const { firestore, config, settings } = dependencies;
  const holder: Holder = { kind: 'asset', id: path };
  const fieldMask = [...fileFieldsOf(config.collections), ...keyOnly];
  return firestore.runTransaction(async (transaction) => {
    const [[asset], known] = await Promise.all([
      transaction.getAll(firestore.doc(path), { fieldMask }),
      transaction.get(referencesOf(firestore, holder)),
    ]);
    const names = asset === undefined ? [] : filesOfDocument(config, settings.place, asset).names;
    return writeReferences(firestore, transaction, holder, known.docs, names) ? 'written' : 'unchanged';
  });
}

/** Whether an event of a document changes which files it names: the record of one that does not is right already, or
 *  another event is on its way that makes it so. */
export function changesFiles(
  { config, settings }: Pick<IndexDependencies, 'config' | 'settings'>,
  path: string,
  before: unknown,
  after: unknown,
): boolean {
  const namesIn = (data: unknown) => filesOfDocument(config, settings.place, { ref: { path }, data: () => data }).names;
  return JSON.stringify(namesIn(before)) !== JSON.stringify(namesIn(after));
}
