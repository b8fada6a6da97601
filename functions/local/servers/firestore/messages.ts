// The messages of google.firestore.v1 as proto-loader decodes them here: absent scalars are undefined, 64-bit numbers
// are strings, enums are their names, and every Document and Value is the Buffer of its encoding (see protocol.ts).

export interface TimestampMessage {
  readonly seconds?: string | number;
  readonly nanos?: number;
}

export interface PreconditionMessage {
  readonly exists?: boolean;
  readonly updateTime?: TimestampMessage;
}

export interface FieldTransformMessage {
  readonly fieldPath?: string;
  readonly setToServerValue?: string;
  readonly increment?: Buffer;
  readonly maximum?: Buffer;
  readonly minimum?: Buffer;
  readonly appendMissingElements?: { readonly values?: readonly Buffer[] };
  readonly removeAllFromArray?: { readonly values?: readonly Buffer[] };
}

export interface DocumentMaskMessage {
  readonly fieldPaths?: readonly string[];
}

export interface WriteMessage {
  readonly update?: Buffer;
  readonly delete?: string;
  readonly transform?: { readonly document?: string; readonly fieldTransforms?: readonly FieldTransformMessage[] };
  readonly updateMask?: DocumentMaskMessage;
  readonly updateTransforms?: readonly FieldTransformMessage[];
  readonly currentDocument?: PreconditionMessage;
}

export interface WriteResultMessage {
  readonly updateTime?: TimestampMessage;
  readonly transformResults?: readonly Buffer[];
}

export interface TransactionOptionsMessage {
  readonly readOnly?: { readonly readTime?: TimestampMessage };
  readonly readWrite?: { readonly retryTransaction?: Buffer };
}

/** How a read says which state of the database it wants. */
export interface ConsistencyMessage {
  readonly transaction?: Buffer;
  readonly newTransaction?: TransactionOptionsMessage;
  readonly readTime?: TimestampMessage;
}

interface FieldReferenceMessage {
  readonly fieldPath?: string;
}

export interface FilterMessage {
  readonly compositeFilter?: { readonly op?: string; readonly filters?: readonly FilterMessage[] };
  readonly fieldFilter?: { readonly field?: FieldReferenceMessage; readonly op?: string; readonly value?: Buffer };
  readonly unaryFilter?: { readonly op?: string; readonly field?: FieldReferenceMessage };
}

export interface CursorMessage {
  readonly values?: readonly Buffer[];
  readonly before?: boolean;
}

export interface StructuredQueryMessage {
  readonly select?: { readonly fields?: readonly FieldReferenceMessage[] };
  readonly from?: readonly { readonly collectionId?: string; readonly allDescendants?: boolean }[];
  readonly where?: FilterMessage;
  readonly orderBy?: readonly { readonly field?: FieldReferenceMessage; readonly direction?: string }[];
  readonly startAt?: CursorMessage;
  readonly endAt?: CursorMessage;
  readonly offset?: number;
  readonly limit?: { readonly value?: number };
  readonly findNearest?: object;
}

export interface AggregationMessage {
  readonly count?: { readonly upTo?: { readonly value?: string } };
  readonly sum?: { readonly field?: FieldReferenceMessage };
  readonly avg?: { readonly field?: FieldReferenceMessage };
  readonly alias?: string;
}

export interface GetDocumentRequest extends ConsistencyMessage {
  readonly name?: string;
  readonly mask?: DocumentMaskMessage;
}

export interface ListDocumentsRequest extends ConsistencyMessage {
  readonly parent?: string;
  readonly collectionId?: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
  readonly orderBy?: string;
  readonly mask?: DocumentMaskMessage;
  readonly showMissing?: boolean;
}

export interface CreateDocumentRequest {
  readonly parent?: string;
  readonly collectionId?: string;
  readonly documentId?: string;
  readonly document?: Buffer;
  readonly mask?: DocumentMaskMessage;
}

export interface UpdateDocumentRequest {
  readonly document?: Buffer;
  readonly updateMask?: DocumentMaskMessage;
  readonly mask?: DocumentMaskMessage;
  readonly currentDocument?: PreconditionMessage;
}

export interface DeleteDocumentRequest {
  readonly name?: string;
  readonly currentDocument?: PreconditionMessage;
}

export interface BatchGetDocumentsRequest extends ConsistencyMessage {
  readonly database?: string;
  readonly documents?: readonly string[];
  readonly mask?: DocumentMaskMessage;
}

export interface BeginTransactionRequest {
  readonly database?: string;
  readonly options?: TransactionOptionsMessage;
}

export interface CommitRequest {
  readonly database?: string;
  readonly writes?: readonly WriteMessage[];
  readonly transaction?: Buffer;
}

export interface RollbackRequest {
  readonly database?: string;
  readonly transaction?: Buffer;
}

export interface RunQueryRequest extends ConsistencyMessage {
  readonly parent?: string;
  readonly structuredQuery?: StructuredQueryMessage;
  readonly explainOptions?: object;
}

export interface RunAggregationQueryRequest extends ConsistencyMessage {
  readonly parent?: string;
  readonly structuredAggregationQuery?: {
    readonly structuredQuery?: StructuredQueryMessage;
    readonly aggregations?: readonly AggregationMessage[];
  };
  readonly explainOptions?: object;
}

export interface PartitionQueryRequest extends ConsistencyMessage {
  readonly parent?: string;
  readonly structuredQuery?: StructuredQueryMessage;
  readonly partitionCount?: string;
  readonly pageToken?: string;
  readonly pageSize?: number;
}

export interface ListCollectionIdsRequest extends ConsistencyMessage {
  readonly parent?: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export interface BatchWriteRequest {
  readonly database?: string;
  readonly writes?: readonly WriteMessage[];
}

export interface TargetMessage {
  readonly query?: { readonly parent?: string; readonly structuredQuery?: StructuredQueryMessage };
  readonly documents?: { readonly documents?: readonly string[] };
  readonly resumeToken?: Buffer;
  readonly readTime?: TimestampMessage;
  readonly targetId?: number;
  readonly once?: boolean;
}

export interface ListenRequest {
  readonly database?: string;
  readonly addTarget?: TargetMessage;
  readonly removeTarget?: number;
}
