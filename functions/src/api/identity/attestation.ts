import type { AppCheck } from 'firebase-admin/app-check';
import { ApiProblem, unavailable } from '../problem.ts';
import { isUnreachable } from './sdkErrors.ts';

/** The header in which Firebase's SDKs send the token of App Check:
 *  https://firebase.google.com/docs/app-check/custom-resource */
export const appCheckHeader = 'x-firebase-appcheck';

/** Says whether a request comes from an app that is one.
 *  @throws ApiProblem when it does not */
export type Attestation = (request: Request) => Promise<void>;

/** Lets every request pass. */
export const noAttestation: Attestation = async () => undefined;

/** Takes only requests with a valid token of App Check. */
export function createAttestation(appCheck: () => Promise<Pick<AppCheck, 'verifyToken'>>): Attestation {
  return async (request) => {
    const token = request.headers.get(appCheckHeader);
    if (token === null) throw refused('Send a token of App Check in the header X-Firebase-AppCheck.');
    const sdk = await appCheck();
    try {
      await sdk.verifyToken(token);
    } catch (error) {
      if (isUnreachable(error)) throw unavailable('The keys of App Check could not be fetched: try again.', error);
      throw refused('The token of App Check is not valid here: get a new one.', error);
    }
  };
}

function refused(detail: string, cause?: unknown): ApiProblem {
  return new ApiProblem('not-signed-in', detail, { cause, headers: { 'www-authenticate': 'Bearer realm="lockstep"' } });
}
