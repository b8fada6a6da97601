import { Int32, Long } from 'bson';
import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { badValue, CommandError, notImplemented } from '../errors.ts';
import type { CommandTable } from '../operation.ts';
import { isGeneric } from '../requests/genericFields.ts';

/** A transaction that has been open for so long is aborted, in seconds; the default of a real server. */
export const transactionLifetimeSeconds = 60;

const readable: Document = {
  featureCompatibilityVersion: { version: '8.0' },
  transactionLifetimeLimitSeconds: new Int32(transactionLifetimeSeconds),
  authenticationMechanisms: ['SCRAM-SHA-256'],
  localLogicalSessionTimeoutMinutes: new Int32(30),
};

const given = (value: unknown): Document => (isDocument(value) ? value : {});

/** Parameters of the server; one can be set, and the others are refused by name. */
export const parameterCommands: CommandTable = {
  getParameter({ fields: { body } }) {
    const wanted = Object.entries(readable).filter(([name]) => body.getParameter === '*' || body[name] !== undefined);
    if (wanted.length === 0) throw new CommandError(72, 'no option found to get');
    return { fields: Object.fromEntries(wanted) };
  },

  setParameter({ fields: { body } }) {
    const name = Object.keys(body).find((field) => field !== 'setParameter' && !isGeneric(field));
    throw name === undefined
      ? new CommandError(72, 'no option found to set')
      : notImplemented(`setParameter of '${name}'`);
  },

  setClusterParameter({ fields, deployment }) {
    const [[name, value] = [], ...more] = Object.entries(fields.requiredDocument('setClusterParameter'));
    if (name !== 'changeStreamOptions' || more.length > 0) {
      throw notImplemented(`setClusterParameter of '${[name, ...more.map(([other]) => other)].join("' and '")}'`);
    }
    const seconds = given(given(value).preAndPostImages).expireAfterSeconds;
    if (seconds !== 'off' && !(isNumeric(seconds) && toNumber(seconds) > 0)) {
      throw badValue("Expected a positive integer or 'off' as 'preAndPostImages.expireAfterSeconds'");
    }
    deployment.parameters.imagesExpireAfterSeconds = seconds === 'off' ? Number.POSITIVE_INFINITY : toNumber(seconds);
    return { fields: {} };
  },

  getClusterParameter({ fields, deployment }) {
    const name = fields.string('getClusterParameter');
    if (name !== 'changeStreamOptions') throw notImplemented(`getClusterParameter of '${name}'`);
    const seconds = deployment.parameters.imagesExpireAfterSeconds;
    const expireAfterSeconds = Number.isFinite(seconds) ? Long.fromNumber(seconds) : 'off';
    return { fields: { clusterParameters: [{ _id: name, preAndPostImages: { expireAfterSeconds } }] } };
  },

  profile({ fields: { body } }) {
    if (isNumeric(body.profile) && toNumber(body.profile) > 0) throw notImplemented('profiling');
    return { fields: { was: new Int32(0), slowms: new Int32(100), sampleRate: 1 } };
  },
};
