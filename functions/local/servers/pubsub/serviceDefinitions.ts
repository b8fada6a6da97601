import { createRequire } from 'node:module';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON, type Options } from '@grpc/proto-loader';

/** Absent scalars, lists and maps arrive as their defaults; 64-bit numbers (times, byte limits) fit a JavaScript number
 *  here. */
const loaderOptions: Options = { longs: Number, enums: String, defaults: true, oneofs: true };

/** The services of `google.pubsub.v1`, from the descriptors that the client library itself uses. */
export function loadPubSubServices(): Record<'Publisher' | 'Subscriber' | 'SchemaService', ServiceDefinition> {
  const require = createRequire(import.meta.url);
  const definitions = fromJSON(require('@google-cloud/pubsub/build/protos/protos.json'), loaderOptions);
  const service = (name: string): ServiceDefinition => {
    const definition = definitions[`google.pubsub.v1.${name}`];
    if (!definition || !isService(definition)) {
      throw new Error(
        `@google-cloud/pubsub no longer describes google.pubsub.v1.${name}; adapt the local Pub/Sub server.`,
      );
    }
    return definition;
  };
  return {
    Publisher: service('Publisher'),
    Subscriber: service('Subscriber'),
    SchemaService: service('SchemaService'),
  };
}

/** Message and enum types carry a `format`; a service maps its methods instead. */
function isService(definition: object): definition is ServiceDefinition {
  return !('format' in definition);
}
