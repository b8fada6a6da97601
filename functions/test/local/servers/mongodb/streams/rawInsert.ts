import { once } from 'node:events';
import { connect } from 'node:net';
import { BSON } from 'mongodb';
import type { MongoServer } from '../../../../../local/servers/mongodb/server.ts';

const opMessage = 2013;
const headBytes = 21;

/**
 * Inserts a document with text that no driver would send, because it is not UTF-8: each `placeholder` in it becomes
 * `bytes`, which must be as long.
 */
export async function insertRaw(
  server: MongoServer,
  db: string,
  collection: string,
  document: BSON.Document,
  placeholder: string,
  bytes: Uint8Array,
): Promise<void> {
  const body = Buffer.from(BSON.serialize({ insert: collection, documents: [document], $db: db }));
  for (let at = body.indexOf(placeholder); at >= 0; at = body.indexOf(placeholder)) body.set(bytes, at);
  const head = Buffer.alloc(headBytes);
  head.writeInt32LE(headBytes + body.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(opMessage, 12);
  const socket = connect(server.port, '127.0.0.1');
  socket.write(Buffer.concat([head, body]));
  const [reply] = await once(socket, 'data');
  socket.destroy();
  const answer = BSON.deserialize(reply.subarray(headBytes));
  if (answer.ok !== 1 || answer.n !== 1) throw new Error(`insert into ${db}.${collection}: ${JSON.stringify(answer)}`);
}
