/** What becomes of an event that reached the work on its project.
 *  - `accepted`: its news is in the record, and its work is under way.
 *  - `applied`: the assets show it. `superseded`: they show something newer, that was known before it got its turn.
 *  - `duplicate` is never stored: a second delivery of the same event leaves what became of the first.
 *  - `deferred`: it waits for the worker that is at its project, or for the end of a pause.
 *  - `shadow`: what it would touch was counted, and nothing was written.
 *  - `held`: its deletion waits for a person. `contradicted`: MongoDB says otherwise.
 *  - `dead-lettered`, and `redriven` until its work has ended. */
export const eventOutcomes = [
  'accepted',
  'applied',
  'superseded',
  'duplicate',
  'deferred',
  'shadow',
  'held',
  'contradicted',
  'dead-lettered',
  'redriven',
] as const;
export type EventOutcome = (typeof eventOutcomes)[number];
