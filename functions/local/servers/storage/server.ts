import { type Clock, sleep, systemClock } from '../../../src/clock.ts';
import { createFaults, type Faults } from '../../faults.ts';
import { type HttpServer, serveHttp } from '../httpServer.ts';
import { readMultipart } from './multipart.ts';
import { checkBucketName } from './names.ts';
import { createObjectStore, type ObjectStore, type StoredObject } from './objects.ts';
import { invalid, notFound, Refusal, unsupported } from './refusal.ts';

/** Cloud Storage as far as the Admin SDK's calls on objects need it. */
export interface StorageServer extends HttpServer {
  /** Faults by the permission that the call asks for (`storage.objects.create`, `.get`, `.list`, `.delete`); the
   *  code of an error is its HTTP status. Connections are not dropped. */
  readonly faults: Faults;
}

export interface StorageServerOptions {
  /** 0: any free one. */
  readonly port?: number;
  /** Names of the buckets that there are; none is made by using it. */
  readonly buckets: readonly string[];
  readonly clock?: Clock;
}

const mostListed = 1_000;

/** The client asks for these by itself, and they change nothing here. */
const ignoredParameters = ['prettyPrint', 'projection', 'alt', 'uploadType'];

type Method = 'storage.objects.create' | 'storage.objects.get' | 'storage.objects.list' | 'storage.objects.delete';

interface Call {
  readonly method: Method;
  /** Parameters that the call understands. */
  readonly parameters: readonly string[];
  run(store: ObjectStore, query: URLSearchParams): Response | Promise<Response>;
}

/** Serves the JSON API on the loopback interface; `url` is what goes into `STORAGE_EMULATOR_HOST`.
 *  @throws Refusal for a bad name of a bucket. */
export async function startStorageServer(options: StorageServerOptions): Promise<StorageServer> {
  const { port = 0, buckets, clock = systemClock } = options;
  for (const bucket of buckets) checkBucketName(bucket);
  const stores = new Map(buckets.map((bucket) => [bucket, createObjectStore(clock.now)]));
  const faults = createFaults();

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const match = /^(\/upload)?(?:\/storage\/v1)?\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(pathname);
    if (match === null) throw unsupported(`${request.method} ${pathname}`);
    const [, upload, bucket = '', object] = match.map((part) => part && decodeURIComponent(part));
    const call = callOf(request, bucket, upload !== undefined, object);
    for (const name of searchParams.keys()) {
      if (!call.parameters.includes(name) && !ignoredParameters.includes(name)) throw unsupported(`parameter ${name}`);
    }
    const fault = faults.take(call.method);
    if (fault?.latencyMs) await sleep(clock, fault.latencyMs);
    const injected = fault?.error;
    const failure = injected && new Refusal(Number(injected.code), 'injected', injected.message ?? 'injected');
    if (failure && !fault?.afterEffect) throw failure;
    checkBucketName(bucket);
    const store = stores.get(bucket);
    if (store === undefined) throw notFound('The specified bucket does not exist.');
    const answered = await call.run(store, searchParams);
    if (failure) throw failure;
    return answered;
  }

  const server = await serveHttp(port, async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof Refusal) return refused(error);
      throw error;
    }
  });
  return { ...server, faults };
}

function refused(refusal: Refusal): Response {
  return Response.json(refusal.toJson(), { status: refusal.status });
}

function callOf(request: Request, bucket: string, isUpload: boolean, object: string | undefined): Call {
  const { method } = request;
  const isMedia = new URL(request.url).searchParams.get('alt') === 'media';
  if (method === 'POST' && isUpload && object === undefined) {
    return {
      method: 'storage.objects.create',
      parameters: ['name', 'ifGenerationMatch'],
      async run(store, query) {
        if (query.get('uploadType') !== 'multipart') throw unsupported(`upload of type ${query.get('uploadType')}`);
        const body = Buffer.from(await request.arrayBuffer());
        const upload = readMultipart(request.headers.get('content-type') ?? '', body, query.get('name'));
        return Response.json(metadataOf(bucket, store.insert(upload, preconditionIn(query))));
      },
    };
  }
  if (method === 'GET' && !isUpload && object === undefined) {
    return {
      method: 'storage.objects.list',
      parameters: ['prefix', 'maxResults', 'pageToken'],
      run(store, query) {
        const limit = Math.min(numberIn(query, 'maxResults') ?? mostListed, mostListed);
        const pageToken = query.get('pageToken') ?? undefined;
        const { objects, nextPageToken } = store.list({ prefix: query.get('prefix') ?? '', limit, pageToken });
        const items = objects.map((found) => metadataOf(bucket, found));
        return Response.json({ kind: 'storage#objects', items, ...(nextPageToken && { nextPageToken }) });
      },
    };
  }
  if (method === 'GET' && !isUpload && object !== undefined) {
    return {
      method: 'storage.objects.get',
      parameters: ['ifGenerationMatch'],
      run(store, query) {
        const found = store.get(object, preconditionIn(query));
        return isMedia ? mediaOf(found) : Response.json(metadataOf(bucket, found));
      },
    };
  }
  if (method === 'DELETE' && !isUpload && object !== undefined) {
    return {
      method: 'storage.objects.delete',
      parameters: ['ifGenerationMatch'],
      run(store, query) {
        store.delete(object, preconditionIn(query));
        return new Response(null, { status: 204 });
      },
    };
  }
  throw unsupported(`${method} of ${object ?? bucket}`);
}

function preconditionIn(query: URLSearchParams) {
  return { ifGenerationMatch: numberIn(query, 'ifGenerationMatch') };
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw invalid(`Invalid value for ${name}: ${text}`);
}

function metadataOf(bucket: string, { data, generation, ...object }: StoredObject) {
  return {
    kind: 'storage#object',
    id: `${bucket}/${object.name}/${generation}`,
    bucket,
    ...object,
    updated: object.timeCreated,
    generation: String(generation),
    metageneration: '1',
    size: String(data.length),
    storageClass: 'STANDARD',
  };
}

function mediaOf({ data, contentType, generation, crc32c, md5Hash }: StoredObject): Response {
  return new Response(Uint8Array.from(data), {
    headers: {
      'content-type': contentType,
      'x-goog-generation': String(generation),
      'x-goog-hash': `crc32c=${crc32c},md5=${md5Hash}`,
      'x-goog-stored-content-encoding': 'identity',
    },
  });
}
