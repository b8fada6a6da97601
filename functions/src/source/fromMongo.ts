/** Whether an error says what came of asking MongoDB: one of its driver's errors, or a `SourceError`. Told by its
 *  shape, since the codes of MongoDB must not be taken for those of others, and whoever asks may have no use for
 *  MongoDB at all: to load the driver takes a quarter of a second and 29 MiB. `sourceErrorKind` then tells what kind of
 *  error it is. */
export function isFromMongo(error: unknown): boolean {
  return error instanceof Error && ('hasErrorLabel' in error || error.name === 'SourceError');
}
