import { z } from 'zod';
import type { ProjectEvent } from '../events/contract.ts';

/** Who changed a project, and on which way that became known. */
export interface Origin {
  readonly service: string;
  readonly channel: string;
  readonly actor?: string | undefined;
}

export const originSchema = z.object({ service: z.string(), channel: z.string(), actor: z.string().optional() });

/** Longest name that is kept, in characters. */
const maxNameLength = 256;

/** Who changed the project; what else a producer sends with it may be anything, and nothing that Firestore takes. */
export function originOf({ origin: { service, actor, channel } }: Pick<ProjectEvent, 'origin'>): Origin {
  return {
    service: shorten(service),
    channel: shorten(channel),
    ...(actor !== undefined && { actor: shorten(actor) }),
  };
}

function shorten(text: string): string {
  return text.slice(0, maxNameLength).toWellFormed();
}
