import type { Document, MongoClient } from 'mongodb';

/** How often a fail point does something: `times` calls from now on, or every call after the first `skip`. */
type Mode = { readonly times: number } | { readonly skip: number } | 'alwaysOn' | 'off';

/** Switches a fail point of MongoDB on or off, and tells how often it has been met until now. */
export async function failPoint(client: MongoClient, name: string, mode: Mode, data: Document = {}): Promise<number> {
  const reply = await client.db('admin').command({ configureFailPoint: name, mode, data });
  return reply.count;
}

/** The next command of one of these names fails, or as many as `mode` says. Source of `data`:
 *  https://github.com/mongodb/mongo/wiki/The-%22failCommand%22-fail-point */
export const failCommand = (
  client: MongoClient,
  failCommands: readonly string[],
  data: Document,
  mode: Mode = { times: 1 },
) => failPoint(client, 'failCommand', mode, { failCommands, ...data });
