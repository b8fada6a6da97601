import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { credentials, Metadata, makeGenericClientConstructor, type ServiceError } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import type { FirestoreServer } from '../../../../local/servers/firestore/server.ts';

// What the Admin SDK never sends, sent by a bare gRPC client.

export const database = 'projects/p/databases/(default)';
export const root = `${database}/documents`;

export type Message = Record<string, unknown>;

/** @param caller  the bearer token that its calls carry */
export function connect(server: FirestoreServer, caller?: string) {
  const loaded = fromJSON(createRequire(import.meta.url)('@google-cloud/firestore/build/protos/v1.json'), {
    longs: String,
    enums: String,
    arrays: true,
  });
  const service = loaded['google.firestore.v1.Firestore'];
  assert.ok(service && !('format' in service));
  const client = new (makeGenericClientConstructor(service, 'Firestore'))(server.host, credentials.createInsecure());
  const metadata = new Metadata();
  if (caller !== undefined) metadata.set('authorization', `Bearer ${caller}`);
  return {
    call: (method: string, request: Message): Promise<Message> =>
      new Promise((resolve, reject) => {
        client[method]?.(request, metadata, (error: ServiceError | null, response: Message) =>
          error ? reject(error) : resolve(response),
        );
      }),
    stream: (method: string, request: Message): Promise<Message[]> =>
      new Promise((resolve, reject) => {
        const messages: Message[] = [];
        const call = client[method]?.(request, metadata);
        call.on('data', (message: Message) => messages.push(message));
        call.on('error', reject);
        call.on('end', () => resolve(messages));
      }),
    /** Sends one message of a conversation and waits for some answers. */
    converse: (method: string, request: Message, answers: number): Promise<Message[]> =>
      new Promise((resolve, reject) => {
        const messages: Message[] = [];
        const call = client[method]?.(metadata);
        call.on('data', (message: Message) => {
          messages.push(message);
          if (messages.length < answers) return;
          call.end();
          resolve(messages);
        });
        call.on('error', reject);
        call.write(request);
      }),
    close: () => client.close(),
  };
}

export const integer = (value: number) => ({ integerValue: String(value) });
export const document = (path: string, fields: Message) => ({ name: `${root}/${path}`, fields });
