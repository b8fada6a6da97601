import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';

/** What handlers of express applications are called with, as far as it is needed here. */
export interface ExpressRequest extends IncomingMessage {
  readonly body?: unknown;
  rawBody?: Buffer;
}
export type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

interface Express {
  (): RequestListener & { use(handler: ExpressHandler): void; disable(setting: string): void };
  json(options: BodyOptions): ExpressHandler;
  urlencoded(options: BodyOptions & { extended: boolean }): ExpressHandler;
  raw(options: BodyOptions): ExpressHandler;
}

interface BodyOptions {
  readonly limit: string;
  readonly type?: string;
  readonly verify: (request: ExpressRequest, response: ServerResponse, body: Buffer) => void;
}

/** The service's limit of a request to a function. */
const bodyLimit = '32mb';

/** An express application that answers every request by `handle`, with bodies parsed as Cloud Functions parse them. */
export function expressApplication(handle: ExpressHandler): RequestListener {
  // The express of firebase-functions itself: handlers that it made must meet the version that it expects.
  const require = createRequire(import.meta.resolve('firebase-functions'));
  const express: Express = require('express');
  const application = express();
  const options: BodyOptions = {
    limit: bodyLimit,
    verify: (request, _response, body) => {
      request.rawBody = body;
    },
  };
  application.disable('x-powered-by');
  application.use(express.json(options));
  application.use(express.urlencoded({ ...options, extended: true }));
  application.use(express.raw({ ...options, type: '*/*' }));
  application.use(handle);
  return application;
}
