import type { EncodedMessage } from './codec.ts';
import { type ProjectConverged, specversion } from './contract.ts';
import { copyValueToJson } from './copyValue.ts';

/** What there is to say of a state. */
type ConvergedState = Pick<
  ProjectConverged,
  'projectId' | 'version' | 'recordedSince' | 'revision' | 'kind' | 'fields' | 'changed'
> & {
  /** In ms since 1970. */
  readonly at: number;
};

/** The message that the assets of a project show a state. */
export function encodeConverged({ at, ...state }: ConvergedState): EncodedMessage {
  const { projectId, version, recordedSince, revision, kind } = state;
  const fields = Object.fromEntries(
    Object.entries(state.fields).map(([field, value]) => [field, copyValueToJson(value)]),
  );
  const message = {
    specversion,
    id: `${projectId}:${recordedSince}:${revision}`,
    type: 'ProjectConverged',
    ...state,
    fields,
    convergedAt: new Date(at).toISOString(),
  };
  return {
    data: Buffer.from(JSON.stringify(message)),
    attributes: { type: message.type, projectId, version, kind, specversion: String(specversion) },
  };
}
