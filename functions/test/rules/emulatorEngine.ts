import type { DocumentData } from '../../local/rules/values.ts';
import type { Attempt, ClientWrite, RulesEngine } from './engine.ts';

/** The part of a client's Firestore that the cases use (the namespaced API that @firebase/rules-unit-testing hands
 *  out). */
interface ClientFirestore {
  doc(path: string): ClientDocument;
  collection(path: string): ClientQuery;
  collectionGroup(id: string): { get(): Promise<unknown> };
  batch(): ClientBatch;
}
interface ClientQuery {
  get(): Promise<unknown>;
  where(field: string, operator: '==', value: string): ClientQuery;
}
interface ClientDocument {
  get(): Promise<unknown>;
  set(data: DocumentData): Promise<void>;
}
interface ClientBatch {
  set(document: ClientDocument, data: DocumentData): void;
  update(document: ClientDocument, fields: DocumentData): void;
  delete(document: ClientDocument): void;
  commit(): Promise<void>;
}
interface ClientContext {
  firestore(): ClientFirestore;
}
interface RulesTestEnvironment {
  authenticatedContext(uid: string): ClientContext;
  unauthenticatedContext(): ClientContext;
  withSecurityRulesDisabled(run: (context: ClientContext) => Promise<void>): Promise<void>;
  clearFirestore(): Promise<void>;
  cleanup(): Promise<void>;
}
interface RulesUnitTesting {
  initializeTestEnvironment(options: {
    projectId: string;
    firestore: { rules: string; host: string; port: number };
  }): Promise<RulesTestEnvironment>;
}

/** Not a dependency: it brings the whole web SDK along, and it only serves where the official emulator runs. */
const packageName = '@firebase/rules-unit-testing';

/** Judges by the official Firestore emulator at `address` (host:port).
 *  @throws Error when @firebase/rules-unit-testing is not installed. */
export async function createEmulatorEngine(rules: string, address: string): Promise<RulesEngine> {
  const { hostname, port } = new URL(`http://${address}`);
  const { initializeTestEnvironment } = await loadRulesUnitTesting();
  const environment = await initializeTestEnvironment({
    projectId: 'demo-lockstep-rules',
    firestore: { rules, host: hostname, port: Number(port) },
  });
  return {
    name: `the Firestore emulator at ${address}`,
    async isAllowed({ given, as, request }: Attempt) {
      await environment.clearFirestore();
      await environment.withSecurityRulesDisabled(async (context) => {
        const firestore = context.firestore();
        for (const [path, data] of Object.entries(given)) await firestore.doc(path).set(data);
      });
      const context = as === undefined ? environment.unauthenticatedContext() : environment.authenticatedContext(as);
      const firestore = context.firestore();
      if (request.kind === 'get') return isPermitted(firestore.doc(request.path).get());
      if (request.kind === 'list') {
        const { collection, equal } = request;
        const all = firestore.collection(collection);
        return isPermitted((equal === undefined ? all : all.where(equal.field, '==', equal.value)).get());
      }
      if (request.kind === 'listGroup') return isPermitted(firestore.collectionGroup(request.group).get());
      const batch = firestore.batch();
      for (const write of request.kind === 'batch' ? request.writes : [request]) add(write, batch, firestore);
      return isPermitted(batch.commit());
    },
    close: () => environment.cleanup(),
  };
}

function add(write: ClientWrite, batch: ClientBatch, firestore: ClientFirestore): void {
  const document = firestore.doc(write.path);
  if (write.kind === 'set') batch.set(document, write.data);
  else if (write.kind === 'update') batch.update(document, write.fields);
  else batch.delete(document);
}

/** Only a refusal by the rules counts as one: any other error is the test's. */
async function isPermitted(outcome: Promise<unknown>): Promise<boolean> {
  try {
    await outcome;
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'permission-denied') return false;
    throw error;
  }
}

async function loadRulesUnitTesting(): Promise<RulesUnitTesting> {
  let loaded: unknown;
  try {
    loaded = await import(packageName);
  } catch (error) {
    throw new Error(
      `the rules tests need ${packageName} for the official emulator: npm install --no-save ${packageName} firebase`,
      { cause: error },
    );
  }
  if (!isRulesUnitTesting(loaded)) throw new Error(`${packageName} has no initializeTestEnvironment()`);
  return loaded;
}

function isRulesUnitTesting(loaded: unknown): loaded is RulesUnitTesting {
  return (
    typeof loaded === 'object' &&
    loaded !== null &&
    'initializeTestEnvironment' in loaded &&
    typeof loaded.initializeTestEnvironment === 'function'
  );
}
