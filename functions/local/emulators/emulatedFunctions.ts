import { z } from 'zod';

const backendsSchema = z.looseObject({
  backends: z.array(
    z.looseObject({
      functionTriggers: z.array(z.looseObject({ id: z.string(), name: z.string(), region: z.string().optional() })),
    }),
  ),
});

/** A function that the emulator serves. */
export interface EmulatedFunction {
  readonly name: string;
  /** POST here calls it; for scheduled functions this is what Cloud Scheduler does. */
  readonly url: string;
}

/** The functions that a functions emulator serves.
 *  @throws Error when it cannot be asked */
export async function emulatedFunctions(emulatorUrl: string, projectId: string): Promise<EmulatedFunction[]> {
  const answer = await fetch(`${emulatorUrl}/backends`);
  const { backends } = backendsSchema.parse(await answer.json());
  return backends
    .flatMap(({ functionTriggers }) => functionTriggers)
    .map(({ id, name }) => ({ name, url: triggerUrl(emulatorUrl, projectId, id) }));
}

/** The emulator's own address of a trigger: its id (`us-central1-syncProject`), and 0 as long as the CLI has not restarted all of them. */
function triggerUrl(emulatorUrl: string, projectId: string, id: string): string {
  return `${emulatorUrl}/functions/projects/${projectId}/triggers/${id}-0`;
}
