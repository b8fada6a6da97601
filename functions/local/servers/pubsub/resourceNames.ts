import { invalidArgument } from './status.ts';

export type ResourceKind = 'topics' | 'subscriptions' | 'snapshots';

/** What stands in place of the name of a topic that was deleted. */
export const deletedTopic = '_deleted-topic_';

const namePattern = /^projects\/([^/]+)\/(topics|subscriptions|snapshots)\/([^/]+)$/;

/** 3 to 255 characters, a letter first; `goog` is the service's own prefix. */
const idPattern = /^(?!goog)[A-Za-z][A-Za-z0-9\-._~+%]{2,254}$/;

const projectPattern = /^projects\/([^/]+)$/;

/** Splits `projects/P/topics/T`; throws INVALID_ARGUMENT, worded as the service words it, for anything else. */
export function parseResourceName(kind: ResourceKind, name: string): { project: string; id: string } {
  const [, project, actualKind, id] = namePattern.exec(name) ?? [];
  if (project === undefined || id === undefined || actualKind !== kind || !idPattern.test(id)) {
    throw invalidArgument(
      `Invalid resource name given (name=${name}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    );
  }
  return { project, id };
}

/** Checks `projects/P`, as list calls name it, and returns it. */
export function parseProjectName(name: string): string {
  if (!projectPattern.test(name)) throw invalidArgument(`Invalid project name given (name=${name}).`);
  return name;
}
