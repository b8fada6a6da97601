import { Binary, Int32 } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import type { ClientConnection } from '../clientConnection.ts';
import { badValue, CommandError } from '../errors.ts';
import type { CommandTable } from '../operation.ts';
import { authenticationFailed, parseClientFirst, startConversation } from './scram.ts';
import { sameName, type Users } from './users.ts';

const mechanism = 'SCRAM-SHA-256';
const conversationId = new Int32(1);

function textOf(payload: unknown): string {
  if (!(payload instanceof Binary)) throw badValue('a SASL payload is binary');
  return Buffer.from(payload.value()).toString();
}

const answer = (payload: string, done: boolean): Document => ({
  conversationId,
  done,
  payload: new Binary(Buffer.from(payload)),
});

function start(connection: ClientConnection, users: Users, db: string, body: Document): Document {
  if (body.mechanism !== mechanism) {
    throw new CommandError(
      334,
      `Received authentication for mechanism ${String(body.mechanism)} which is not enabled or unknown`,
    );
  }
  const first = parseClientFirst(textOf(body.payload));
  const user = { name: first.user, db };
  const secret = users.find(user)?.secret;
  if (!secret) throw authenticationFailed();
  const { serverFirst, conversation } = startConversation(first, secret);
  connection.conversation = { scram: conversation, user };
  return answer(serverFirst, false);
}

/** What a `hello` is told that begins an authentication, or asks how a user may authenticate. */
export function helloAuthentication(connection: ClientConnection, users: Users, body: Document): Document {
  const { speculativeAuthenticate: begun, saslSupportedMechs: asked } = body;
  const [, db = '', name = ''] = typeof asked === 'string' ? (/^([^.]+)\.(.+)$/.exec(asked) ?? []) : [];
  const told: Document = users.find({ name, db }) ? { saslSupportedMechs: [mechanism] } : {};
  if (!isDocument(begun) || typeof begun.db !== 'string') return told;
  try {
    return { ...told, speculativeAuthenticate: start(connection, users, begun.db, begun) };
  } catch (error) {
    // Goes unanswered: the client then authenticates in the usual way, and is told why it cannot.
    if (error instanceof CommandError) return told;
    throw error;
  }
}

/** Authentication by SCRAM-SHA-256 (https://github.com/mongodb/specifications/blob/master/source/auth/auth.md). */
export const saslCommands: CommandTable = {
  saslStart: ({ connection, deployment, db, fields }) => ({
    fields: start(connection, deployment.users, db, fields.body),
  }),

  saslContinue({ connection, fields }) {
    const { conversation } = connection;
    if (!conversation) throw new CommandError(17, 'No SASL session state found');
    connection.conversation = undefined;
    const proof = conversation.scram.finish(textOf(fields.body.payload));
    const { user } = conversation;
    if (connection.user && !sameName(connection.user, user)) {
      throw new CommandError(17, 'Each client connection may only be authenticated once');
    }
    connection.user = user;
    return { fields: answer(proof, true) };
  },

  logout({ connection }) {
    connection.user = undefined;
    return { fields: {} };
  },

  connectionStatus({ connection, deployment, fields }) {
    const user = connection.user && deployment.users.find(connection.user);
    return {
      fields: {
        authInfo: {
          authenticatedUsers: user ? [{ user: user.name, db: user.db }] : [],
          authenticatedUserRoles: user ? user.roles.map(({ name, db }) => ({ role: name, db })) : [],
          ...(fields.boolean('showPrivileges')
            ? { authenticatedUserPrivileges: user ? [...deployment.users.privilegesOf(user)] : [] }
            : {}),
        },
      },
    };
  },
};
