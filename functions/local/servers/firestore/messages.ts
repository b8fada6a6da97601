// The messages of google.firestore.v1 as proto-loader decodes them here: absent scalars are undefined, 64-bit numbers
// are strings, enums are their names, and every Document and Value is the Buffer of its encoding (see protocol.ts).
import type { google } from '@google-cloud/firestore/types/protos/firestore_v1_proto_api.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Opaque<T> = Same<T, google.firestore.v1.IDocument> extends true ? true : Same<T, google.firestore.v1.IValue>;

/** A field of a message, from the client library's own declaration of it. */
type Decoded<T> =
  Opaque<T> extends true
    ? Buffer
    : T extends Uint8Array
      ? Buffer
      : [number | string] extends [T]
        ? string
        : T extends string | number | boolean
          ? T
          : T extends readonly (infer Element)[]
            ? readonly Decoded<Element>[]
            : Message<T>;
type Message<T> = { readonly [Field in keyof T]?: Decoded<NonNullable<T[Field]>> };

export type TimestampMessage = Message<google.protobuf.ITimestamp>;
export type PreconditionMessage = Message<google.firestore.v1.IPrecondition>;
export type FieldTransformMessage = Message<google.firestore.v1.DocumentTransform.IFieldTransform>;
export type DocumentMaskMessage = Message<google.firestore.v1.IDocumentMask>;
export type WriteMessage = Message<google.firestore.v1.IWrite>;
export type TransactionOptionsMessage = Message<google.firestore.v1.ITransactionOptions>;
export type FilterMessage = Message<google.firestore.v1.StructuredQuery.IFilter>;
export type CursorMessage = Message<google.firestore.v1.ICursor>;
export type StructuredQueryMessage = Message<google.firestore.v1.IStructuredQuery>;
export type AggregationMessage = Message<google.firestore.v1.StructuredAggregationQuery.IAggregation>;
export type TargetMessage = Message<google.firestore.v1.ITarget>;

/** How a read says which state of the database it wants. */
export type ConsistencyMessage = Pick<RunQueryRequest, 'transaction' | 'newTransaction' | 'readTime'>;

export type GetDocumentRequest = Message<google.firestore.v1.IGetDocumentRequest>;
export type ListDocumentsRequest = Message<google.firestore.v1.IListDocumentsRequest>;
export type CreateDocumentRequest = Message<google.firestore.v1.ICreateDocumentRequest>;
export type UpdateDocumentRequest = Message<google.firestore.v1.IUpdateDocumentRequest>;
export type DeleteDocumentRequest = Message<google.firestore.v1.IDeleteDocumentRequest>;
export type BatchGetDocumentsRequest = Message<google.firestore.v1.IBatchGetDocumentsRequest>;
export type BeginTransactionRequest = Message<google.firestore.v1.IBeginTransactionRequest>;
export type CommitRequest = Message<google.firestore.v1.ICommitRequest>;
export type RollbackRequest = Message<google.firestore.v1.IRollbackRequest>;
export type RunQueryRequest = Message<google.firestore.v1.IRunQueryRequest>;
export type RunAggregationQueryRequest = Message<google.firestore.v1.IRunAggregationQueryRequest>;
export type PartitionQueryRequest = Message<google.firestore.v1.IPartitionQueryRequest>;
export type ListCollectionIdsRequest = Message<google.firestore.v1.IListCollectionIdsRequest>;
export type BatchWriteRequest = Message<google.firestore.v1.IBatchWriteRequest>;
export type ListenRequest = Message<google.firestore.v1.IListenRequest>;
