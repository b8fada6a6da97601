import http from 'node:http';
import { PubSub } from '@google-cloud/pubsub';
import { startPubSubServer } from './server.ts';

process.env.METADATA_SERVER_DETECTION = 'none';
const server = await startPubSubServer();
const pubsub = new PubSub({ projectId: 'p1', apiEndpoint: server.host, emulatorMode: true });
const [topic] = await pubsub.createTopic('load-topic');
const [sub] = await topic.createSubscription('load-sub');
const hits = { n: 0 };
const ep = http.createServer((q, r) => {
  q.resume();
  q.on('end', () => {
    hits.n++;
    r.writeHead(204).end();
  });
});
await new Promise<void>((r) => ep.listen(0, '127.0.0.1', () => r()));
await topic.createSubscription('push-sub', {
  pushConfig: { pushEndpoint: `http://127.0.0.1:${(ep.address() as { port: number }).port}/` },
});
const t0 = performance.now();
let got = 0;
sub.on('message', (m) => {
  got++;
  m.ack();
});
const N = 5000;
await Promise.all(Array.from({ length: N }, (_x, i) => topic.publishMessage({ data: Buffer.from(String(i)) })));
console.log('published', Math.round(performance.now() - t0));
await server.idle(['load-sub']);
console.log('pulled', got, Math.round(performance.now() - t0));
await server.idle();
console.log('pushed', hits.n, Math.round(performance.now() - t0), JSON.stringify(server.stats()));
await pubsub.close();
await server.close();
ep.close();
ep.closeAllConnections();
