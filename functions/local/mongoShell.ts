import { createContext, runInContext } from 'node:vm';
import type { Document, MongoClient } from 'mongodb';

/** What a script that was written for `mongosh` may meet. */
export interface ShellSurroundings {
  readonly client: MongoClient;
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed where the script asks for a password. */
  readonly password: string;
}

interface Asked {
  readonly db: string;
  readonly command: Document;
}

type Answer = { readonly reply: Document } | { readonly error: unknown };

/** Stops a script at a question that has no answer yet. */
class Unanswered extends Error {
  readonly asked: Asked;

  constructor(asked: Asked) {
    super('not answered yet');
    this.asked = asked;
  }
}

/**
 * Runs a script of `mongosh` on the driver, as far as `deploy/mongodb-setup.js` uses the shell, and gives the lines
 * that it printed. Throws what the script throws. The shell is synchronous and the driver is not: the script stops at
 * the first question without an answer, and is run again once it has one; so every run must ask the same questions.
 */
export async function runShellScript(source: string, surroundings: ShellSurroundings): Promise<readonly string[]> {
  const answers: Answer[] = [];
  for (;;) {
    const lines: string[] = [];
    try {
      runInContext(source, shellContext(surroundings, answers, lines));
      return lines;
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
      answers.push(await answer(surroundings.client, error.asked));
    }
  }
}

async function answer(client: MongoClient, { db, command }: Asked): Promise<Answer> {
  try {
    return { reply: await client.db(db).command(command) };
  } catch (error) {
    return { error };
  }
}

function shellContext({ env = {}, password }: ShellSurroundings, answers: readonly Answer[], lines: string[]) {
  let asked = 0;
  const run = (db: string, command: Document): Document => {
    const known = answers[asked];
    asked += 1;
    if (!known) throw new Unanswered({ db, command });
    if ('error' in known) throw known.error;
    return known.reply;
  };
  return createContext({
    db: shellDatabase('test', run),
    process: { env },
    passwordPrompt: () => password,
    print: (line: unknown) => lines.push(String(line)),
  });
}

function shellDatabase(name: string, run: (db: string, command: Document) => Document) {
  const ask = (command: Document) => run(name, command);
  return {
    getSiblingDB: (other: string) => shellDatabase(other, run),
    getMongo: () => ({ _uri: '' }),
    runCommand: ask,
    getRole: (role: string) => ask({ rolesInfo: { role, db: name } }).roles[0] ?? null,
    createRole: ({ role, ...rest }: Document) => ask({ createRole: role, ...rest }),
    updateRole: (role: string, change: Document) => ask({ updateRole: role, ...change }),
    getUser: (user: string) => ask({ usersInfo: { user, db: name } }).users[0] ?? null,
    createUser: ({ user, ...rest }: Document) => ask({ createUser: user, ...rest }),
    updateUser: (user: string, change: Document) => ask({ updateUser: user, ...change }),
    createCollection: (collection: string, options: Document) => ask({ create: collection, ...options }),
    getCollectionNames: (): string[] =>
      ask({ listCollections: 1, nameOnly: true }).cursor.firstBatch.map(({ name: found }: Document) => found),
    getCollection: (collection: string) => ({
      find: (filter: Document, projection: Document) =>
        shellCursor({ find: collection, filter, projection, singleBatch: true }, ask),
    }),
  };
}

function shellCursor(command: Document, ask: (command: Document) => Document) {
  return {
    sort: (sort: Document) => shellCursor({ ...command, sort }, ask),
    limit: (limit: number) => shellCursor({ ...command, limit }, ask),
    toArray: (): Document[] => ask(command).cursor.firstBatch,
  };
}
