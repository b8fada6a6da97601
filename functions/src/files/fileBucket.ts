/** A file as it is in the bucket. */
export interface StoredFile {
  /** Which version of the object it is; a file that is uploaded again is another one
   *  (https://cloud.google.com/storage/docs/metadata#generation-number). */
  readonly generation: string;
  /** In ms since 1970. */
  readonly createdAt: number;
}

/** What is done to files, in the one bucket that is configured. Each call may be repeated.
 *  @throws FileRefusedError, and what may pass by itself */
export interface FileBucket {
  /** Undefined when there is none of this name. */
  find(name: string): Promise<StoredFile | undefined>;
  /** Deletes this version of a file and no other one. */
  remove(name: string, generation: string): Promise<'removed' | 'absent' | 'changed'>;
  /** One page of the files whose names begin with the prefix, in the order of their names. */
  list(listing: { readonly prefix: string; readonly limit: number; readonly from?: string | undefined }): Promise<{
    readonly objects: readonly (StoredFile & { readonly name: string; readonly bytes: number })[];
    /** Where the next page begins; undefined after the last one. */
    readonly next: string | undefined;
  }>;
}

/** Cloud Storage refuses what is asked: no retry helps until a person has changed something. */
export class FileRefusedError extends Error {
  constructor(what: string, cause: unknown) {
    super(
      `${what} was refused: give the account of this function storage.objects.get, .delete and .list on the bucket, ` +
        'or look whether a retention policy or a hold keeps the object',
      { cause },
    );
    this.name = 'FileRefusedError';
  }
}
