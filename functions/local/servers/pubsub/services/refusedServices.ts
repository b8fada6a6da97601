import type { Server, ServiceDefinition } from '@grpc/grpc-js';
import { notOffered } from '../status.ts';
import { type CallContext, unaryMethods } from './rpc.ts';

/** The methods of `google.iam.v1.IAMPolicy`. Nothing of their messages is read, so that bytes stand for them. */
const iamPolicy = Object.fromEntries(
  ['SetIamPolicy', 'GetIamPolicy', 'TestIamPermissions'].map((method) => [
    method,
    {
      path: `/google.iam.v1.IAMPolicy/${method}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  ]),
);

/** Adds the services that are refused by name: schemas, of which there are none to list, and access policies. */
export function addRefusedServices(grpc: Server, schemas: ServiceDefinition, context: CallContext): void {
  const listSchemas = { ListSchemas: () => ({ schemas: [], nextPageToken: '' }) };
  grpc.addService(schemas, unaryMethods(context, { ...refusing(schemas, 'Schemas'), ...listSchemas }));
  grpc.addService(iamPolicy, unaryMethods(context, refusing(iamPolicy, 'Access policies (IAM)')));
}

function refusing(service: ServiceDefinition, what: string): Record<string, () => object> {
  const refuse = () => {
    throw notOffered(what);
  };
  return Object.fromEntries(Object.keys(service).map((method) => [method, refuse]));
}
