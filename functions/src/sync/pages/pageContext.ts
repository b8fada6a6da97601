import type { Firestore } from 'firebase-admin/firestore';
import type { Config } from '../../config/defineConfig.ts';
import type { FileSettings } from '../../files/fileSettings.ts';
import type { ProjectRecord, WorkLease } from '../../records/projectRecord.ts';
import type { DocumentSizes } from './documentSizes.ts';

/** The work that pages belong to. */
export interface PageContext {
  readonly firestore: Firestore;
  readonly config: Config;
  /** The record as it was when the work was planned: pages stop as soon as its revision or its lease is another. */
  readonly record: ProjectRecord;
  readonly lease: WorkLease;
  /** Assets that were created later (ms since 1970) are not the deletion's. */
  readonly createdBy: number;
  /** Nothing is written: what would be is counted. */
  readonly isShadow: boolean;
  /** Whether MongoDB says that the project is gone, asked at most `maxAgeMs` ago; at 0 it is asked after the call. */
  readonly confirmGone: (maxAgeMs: number) => Promise<boolean>;
  /** Where files of assets are; null where none are configured. */
  readonly files: FileSettings | null;
  /** Of documents of which more than keys is read: copies to compare, all of it to be archived, or names of files. */
  readonly sizes: DocumentSizes;
  /** In ms since 1970. */
  readonly now: () => number;
  /** A text that no other call returned. */
  readonly uniqueId: () => string;
}
