import protobuf from 'protobufjs/minimal.js';
import { z } from 'zod';
import type { FirestoreServer } from '../../../local/servers/firestore/server.ts';
import { decodeDocument } from '../../../local/servers/firestore/values/valueCodec.ts';
import type { AssetCollection } from '../../../src/config/defineConfig.ts';
import { watchedDocuments } from '../../../src/config/watched.ts';
import type { EncodedMessage } from '../../../src/events/codec.ts';
import type { WrittenAsset } from '../../../src/lateWrites/guard.ts';

const database = 'projects/demo-chaos/databases/(default)';

/** Tag of DocumentEventData.value: its first field, delimited. */
const valueTag = 10;

const writeSchema = z.object({
  collection: z.string(),
  path: z.string(),
  projectId: z.string(),
  writtenAt: z.number(),
});

/** Publishes each write of the collections' documents that leaves a project id, as their triggers do, until the
 *  returned function is called. */
export function watchWrites(
  server: FirestoreServer,
  collections: readonly AssetCollection[],
  put: (message: EncodedMessage) => void,
): () => void {
  const stops = collections.map((collection) =>
    server.events.watch(
      { database, document: watchedDocuments(collection), kind: 'written' },
      ({ attributes, data }) => {
        const reader = protobuf.Reader.create(data);
        if (data.length === 0 || reader.uint32() !== valueTag) return;
        const projectId = decodeDocument(Buffer.from(reader.bytes())).fields.get(collection.projectId);
        if (projectId?.type !== 'string') return;
        const write = {
          collection: collection.name,
          path: attributes.document,
          projectId: projectId.value,
          writtenAt: Date.parse(attributes.time ?? ''),
        };
        put({ data: Buffer.from(JSON.stringify(write)), attributes: {} });
      },
    ),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** The write that a message tells of. */
export function writeOfMessage(message: EncodedMessage, collections: readonly AssetCollection[]): WrittenAsset {
  const { collection: name, ...write } = writeSchema.parse(JSON.parse(message.data.toString()));
  const collection = collections.find((candidate) => candidate.name === name);
  if (!collection) throw new Error(`nobody watches ${name}`);
  return { ...write, collection };
}
