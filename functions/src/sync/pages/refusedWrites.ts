import { letterOf } from '../../deadLetters/letter.ts';
import { namingAsset } from '../../deadLetters/namedAsset.ts';
import { encodeEvent } from '../../events/codec.ts';
import { isTooBig } from '../../grpc.ts';
import { errorText } from '../../log.ts';
import type { SyncDependencies } from '../dependencies.ts';
import { TooManyRefusedError } from '../errors.ts';
import type { Work } from '../transitions.ts';
import type { PageView, Piece } from './page.ts';

/** So many assets may refuse their write, each with a dead letter of its own; more mean that the value is what cannot
 *  be written. */
const mostRefused = 100;

/** Finds the assets that Firestore refuses to have written, so that their neighbours are brought in step (I11). */
export interface RefusedWrites {
  /** The share of a page that a piece may have. */
  fitting(share: number): number;
  /** What is to be tried next after a page was refused: half of it; when a single document was at fault, and its asset
   *  has a dead letter, what the page has left of other assets.
   *  @throws TooManyRefusedError, and what Pub/Sub answered. */
  halve(piece: Piece, view: PageView, error: unknown): Promise<readonly Piece[]>;
}

export function createRefusedWrites(dependencies: SyncDependencies, { event }: Work): RefusedWrites {
  let refused = 0;
  /** Transactions that are called too big are so wherever assets are alike; a document that is too big by itself says
   *  nothing of the others. */
  let largestFitting = 1;
  return {
    fitting: (share) => Math.min(share, largestFitting),
    async halve(piece, { seen, rests, documents, firstTouched: asset, limit }, error) {
      if (documents > 1 || asset === undefined) {
        const share = (piece.share * seen.length) / limit / 2;
        if (isTooBig(error)) largestFitting = Math.min(largestFitting, share);
        return [{ ...piece, share }];
      }
      largestFitting = 1;
      refused += 1;
      if (refused > mostRefused) throw new TooManyRefusedError(refused, error);
      const message = encodeEvent(event);
      const named = { ...message, attributes: { ...message.attributes, ...namingAsset(asset) } };
      const now = dependencies.clock.now();
      await dependencies.deadLetters.publish(
        letterOf(named, { reason: 'asset', error: errorText(error), attempts: 1, now }),
      );
      dependencies.log.warn('an asset refused its write; the others go on', {
        projectId: event.projectId,
        eventId: event.id,
        asset,
        error: errorText(error),
      });
      return rests
        .filter((rest) => rest.asset !== undefined && rest.asset !== asset)
        .map((range) => ({ ...piece, range }));
    },
  };
}
