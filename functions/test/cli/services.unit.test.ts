// What a command says of an error that a client library wrote for its own developers.
import assert from 'node:assert/strict';
import { errorSentence } from '../../src/cli/services.ts';
import { SourceError } from '../../src/source/connect.ts';

/** As the clients of Google's services make them: https://grpc.io/docs/guides/status-codes/ */
const serviceError = (code: number, message: string) => Object.assign(new Error(message), { code });

describe('an error as one sentence', () => {
  const env = { GCLOUD_PROJECT: 'acme', FIRESTORE_EMULATOR_HOST: '127.0.0.1:8080' };

  it('names the service that stopped answering and its variable', () => {
    const message = '14 UNAVAILABLE: No connection established. Resolution note: nothing resolved';
    assert.equal(
      errorSentence(serviceError(14, message), env),
      'Firestore at 127.0.0.1:8080 does not answer. FIRESTORE_EMULATOR_HOST names it: start it, or unset the variable ' +
        'for the real Firestore of GCLOUD_PROJECT.',
    );
    const timeout = 'Total timeout of API google.pubsub.v1.Publisher exceeded 60000 milliseconds {"clientConfig": {}}';
    assert.match(
      errorSentence(serviceError(4, timeout), env),
      /^Pub\/Sub of project acme does not answer\. Check GCLOUD_PROJECT, the network .*PUBSUB_EMULATOR_HOST [^{]*$/,
    );
    const gone = Object.assign(new Error('connect ECONNREFUSED'), { name: 'MongoServerSelectionError' });
    assert.match(errorSentence(gone, env), /^MongoDB of MONGODB_URI does not answer\. Check the variable/);
  });

  it('leaves what says already what to do, and what is no matter of reaching a service', () => {
    assert.equal(
      errorSentence(new SourceError('MongoDB is a standalone server'), env),
      'MongoDB is a standalone server',
    );
    assert.equal(errorSentence(serviceError(9, 'needs an index'), env), 'needs an index');
    const error = new Error('the record is damaged', { cause: new Error('no version') });
    assert.equal(errorSentence(error, env), 'the record is damaged (because: no version)');
  });
});
