// Takes the place of the Pub/Sub emulator that Firebase's CLI starts: `--host=H --port=P`, until SIGINT.
import { parseArgs } from 'node:util';
import { startPubSubServer } from '../servers/pubsub/server.ts';

const { values } = parseArgs({
  options: { host: { type: 'string', default: '127.0.0.1' }, port: { type: 'string', default: '0' } },
});
const server = await startPubSubServer({ host: values.host, port: Number(values.port) });
console.log(`Pub/Sub on ${server.host}`);
const stop = () => {
  void server.close().finally(() => process.exit(0));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
