// A child process that runs one function of a bundle behind an HTTP port on the loopback interface.
import { createServer } from 'node:http';
import { closeServer } from '../closeServer.ts';
import type { ChildMessage } from '../manifest.ts';
import { errorHeader } from '../wire.ts';
import { toDocumentEvent, toMessagePublishedEvent } from './cloudEvent.ts';
import { installErrorReport } from './errorReport.ts';
import { type ExpressHandler, expressApplication } from './express.ts';
import { type ExportedFunction, loadFunctions } from './loadBundle.ts';
import { dieBeyondMemoryLimit } from './memoryGuard.ts';
import { exitWithSupervisor } from './orphanGuard.ts';

/** Headers must stay small: Node refuses answers with more than 16 KB of them. */
const maxErrorCharacters = 1000;

exitWithSupervisor();
dieBeyondMemoryLimit();

const [bundle, name, trigger, topic] = process.argv.slice(2);
if (bundle === undefined || name === undefined) throw new Error('usage: serve.ts BUNDLE FUNCTION TRIGGER [TOPIC]');

const errors = installErrorReport();
let invoke: ExpressHandler = (_request, response) => response.writeHead(503).end();

// Listening comes first, because a function may read PORT while it loads; nobody calls before the supervisor knows the
// port.
const server = createServer(expressApplication((request, response, next) => invoke(request, response, next)));
server.keepAliveTimeout = 0;
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('The HTTP server has no port.');
process.env.PORT = String(address.port);

const exported = (await loadFunctions(bundle)).get(name);
if (!exported) throw new Error(`The bundle ${bundle} has no function ${name}.`);
if (topic === undefined) invoke = serveRequests(exported);
else if (trigger === 'firestore') invoke = serveEvents(exported, toDocumentEvent);
else invoke = serveEvents(exported, (body) => toMessagePublishedEvent(body, topic));

// As in the cloud: no new requests, those under way may finish; who takes too long is killed.
process.on('SIGTERM', () => {
  void closeServer(server).then(() => process.exit(0));
});
const ready: ChildMessage = { kind: 'listening', port: address.port };
process.send?.(ready);

/** For events: 204 when the function has resolved, 500 when it threw. */
function serveEvents(exportedFunction: ExportedFunction, eventOf: (body: unknown) => object): ExpressHandler {
  return async (request, response) => {
    try {
      await exportedFunction(eventOf(request.body));
      response.writeHead(204).end();
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      console.error(JSON.stringify({ severity: 'ERROR', message: text }));
      setErrorHeader(response, text);
      response.writeHead(500).end();
    }
  };
}

/** For schedules and HTTP: the function answers by itself. */
function serveRequests(exportedFunction: ExportedFunction): ExpressHandler {
  return async (request, response, next) => {
    try {
      await errors.watch(
        (text) => setErrorHeader(response, text),
        () => exportedFunction(request, response),
      );
    } catch (error) {
      next(error);
    }
  };
}

function setErrorHeader(response: Parameters<ExpressHandler>[1], text: string): void {
  if (!response.headersSent)
    response.setHeader(
      errorHeader,
      encodeURIComponent(text.split('\n', 1)[0]?.slice(0, maxErrorCharacters).toWellFormed() ?? ''),
    );
}
