import type { ObjectInfo } from '../storage/bucket.ts';
import type { Naming } from './namedBy.ts';

/** What is to become of a file whose asset was deleted. */
export type FileVerdict =
  /** It goes, in the version that was seen. */
  | { readonly kind: 'remove'; readonly generation: string }
  /** It is gone. */
  | { readonly kind: 'gone' }
  /** It stays: an asset that lives or is archived names it, whose own end has it looked at again. */
  | { readonly kind: 'named' }
  /** It stays: it was uploaded after the deletion, for whatever is to name it next. */
  | { readonly kind: 'newer' }
  /** It stays for now: news of assets is late, so others may be on their way that name it. */
  | { readonly kind: 'waits' };

/** Judges a file by what was seen, in this order: the file, then who names it. */
export function judgeFile(
  file: Pick<ObjectInfo, 'generation' | 'createdAt'> | undefined,
  naming: Naming,
  deletedAt: number,
): FileVerdict {
  if (file === undefined) return { kind: 'gone' };
  if (naming === 'named') return { kind: 'named' };
  if (file.createdAt > deletedAt) return { kind: 'newer' };
  return naming === 'stale' ? { kind: 'waits' } : { kind: 'remove', generation: file.generation };
}
