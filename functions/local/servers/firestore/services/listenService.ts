import { type Backend, required } from '../backend.ts';
import type { ListenRequest, TargetMessage } from '../messages.ts';
import type { CallMeter } from '../meter.ts';
import { parseQuery } from '../query/parseQuery.ts';
import type { Conversation, ServiceBuilder } from '../serve.ts';
import { codeOf, FirestoreError, invalidArgument, unimplemented } from '../status.ts';
import type { Database } from '../store/database.ts';
import type { Change } from '../store/store.ts';
import { encodeDocument, type Micros, timestampOf } from '../values/document.ts';
import { fullName, parseDocumentName, rootCollectionOf } from '../values/resourceName.ts';
import { createListenTarget, type ListenTarget, type Watched } from './listenTarget.ts';

/** Adds Listen: every open call follows any number of targets of one database. */
export function addListenMethod(service: ServiceBuilder, backend: Backend): void {
  service.bidi<ListenRequest>('Listen', (conversation) => {
    let session: ListenSession | undefined;
    conversation.onRequest((request) => {
      session ??= createListenSession(backend, backend.database(request.database), conversation);
      if (request.addTarget) session.add(request.addTarget);
      else if (request.removeTarget !== undefined) session.remove(request.removeTarget);
      else throw invalidArgument('A listen request needs a target to add or to remove.');
    });
  });
}

interface ListenSession {
  add(target: TargetMessage): void;
  remove(targetId: number): void;
}

function createListenSession(backend: Backend, database: Database, conversation: Conversation<unknown>): ListenSession {
  const { meter } = conversation;
  const targets = new Map<number, ListenTarget>();

  const send = (message: object) => conversation.send(message);
  const sendChange = (targetChangeType: string, targetIds: readonly number[], more: object = {}) =>
    send({ targetChange: { targetChangeType, targetIds, ...more } });
  const stateAt = (time: Micros) => ({ readTime: timestampOf(time), resumeToken: resumeToken(database, time) });

  /** Tells the client that it has seen everything up to `time`. */
  const sendTime = (time: Micros) => sendChange('NO_CHANGE', [], stateAt(time));

  const sendGone = (path: string, exists: boolean, targetId: number, time: Micros) => {
    const document = fullName(database.name, path);
    const message = { document, removedTargetIds: [targetId], readTime: timestampOf(time) };
    send(exists ? { documentRemove: message } : { documentDelete: message });
  };

  const sendDelta = (targetId: number, target: ListenTarget, time: Micros) => {
    const { changed, gone } = target.delta();
    for (const document of changed) {
      meter.bill('reads', rootCollectionOf(document.path));
      send({ documentChange: { document: encodeDocument(database.name, document), targetIds: [targetId] } });
    }
    for (const { path, exists } of gone) sendGone(path, exists, targetId, time);
    return changed.length + gone.length;
  };

  const onCommit = (changes: readonly Change[], time: Micros) => {
    let sent = 0;
    for (const [targetId, target] of targets) if (target.concerns(changes)) sent += sendDelta(targetId, target, time);
    if (sent > 0) sendTime(time);
  };

  const unsubscribe = database.subscribe({
    changed: onCommit,
    closed: () => conversation.end(new FirestoreError('UNAVAILABLE', 'The database was closed.')),
  });
  conversation.onClose(unsubscribe);

  const start = (message: TargetMessage, targetId: number) => {
    if (message.readTime) throw unimplemented('Target.read_time');
    const watched = watchedOf(database, message);
    if (watched.type === 'query') backend.indexCheck(watched.query, []);
    const target = createListenTarget(database, watched);
    const time = database.now();
    sendChange('ADD', [targetId]);
    const known = message.resumeToken && unchangedSince(database, message.resumeToken);
    if (known) {
      target.delta();
    } else {
      // What the client knows from before its connection broke may be gone: it starts again from nothing.
      if (message.resumeToken?.length) sendChange('RESET', [targetId]);
      const sent = sendDelta(targetId, target, time);
      if (sent === 0) billEmpty(meter, watched);
      const missing =
        watched.type === 'documents' ? [...watched.paths].filter((path) => !database.store.get(path)) : [];
      for (const path of missing) sendGone(path, false, targetId, time);
    }
    sendChange('CURRENT', [targetId], stateAt(time));
    sendTime(time);
    if (message.once) sendChange('REMOVE', [targetId]);
    else targets.set(targetId, target);
  };

  return {
    add(message) {
      const targetId = message.targetId || targets.size + 1;
      try {
        start(message, targetId);
      } catch (error) {
        if (!(error instanceof FirestoreError)) throw error;
        // A target that cannot be served ends alone; the others of the same call go on.
        sendChange('REMOVE', [targetId], { cause: { code: codeOf(error), message: error.message } });
      }
    },
    remove(targetId) {
      targets.delete(targetId);
      sendChange('REMOVE', [targetId]);
    },
  };
}

function watchedOf(database: Database, message: TargetMessage): Watched {
  if (message.documents) {
    const names = message.documents.documents ?? [];
    return { type: 'documents', paths: new Set(names.map((name) => parseDocumentName(name, database.name))) };
  }
  const { parent, structuredQuery } = required(message.query, 'query');
  return {
    type: 'query',
    query: parseQuery(required(parent, 'parent'), required(structuredQuery, 'structured_query')),
  };
}

/** A query that finds nothing is billed one read, and so is each missing document. */
function billEmpty(meter: CallMeter, watched: Watched): void {
  if (watched.type === 'query') meter.bill('reads', watched.query.collectionId ?? '');
  else for (const path of watched.paths) meter.bill('reads', rootCollectionOf(path));
}

/** Which database object, and up to when: a token of a server that has been restarted or cleared is worth nothing. */
const resumeToken = (database: Database, time: Micros) => Buffer.from(`${database.incarnation} ${time}`);

function unchangedSince(database: Database, token: Buffer): boolean {
  const [incarnation, time] = token.toString().split(' ');
  return incarnation === database.incarnation && database.lastChange <= Number(time);
}
