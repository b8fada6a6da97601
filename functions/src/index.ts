import { onInit } from 'firebase-functions/v2/core';
import { checkDeployment } from './config/deployment.ts';
import config from './lockstep.config.ts';
import { deliverAlertFunction } from './triggers/deliverAlert.ts';
import { operationsFunction } from './triggers/operations.ts';
import { reconcileAssetsFunction } from './triggers/reconcileAssets.ts';
import { reconcileOnRequestFunction } from './triggers/reconcileOnRequest.ts';
import { recordDeadLetterFunction } from './triggers/recordDeadLetter.ts';
import { relayProjectChangesFunction, relayShardFunctions } from './triggers/relayProjectChanges.ts';
import { createServices } from './triggers/services.ts';
import { syncDeletionsFunction, syncProjectFunction } from './triggers/syncProject.ts';
import { watchAssetsFunctions } from './triggers/watchAssets.ts';

const services = createServices(config);

// Before the first invocation of an instance; a deployment loads this file without the parameters.
onInit(() => checkDeployment(config));

/** MongoDB's change stream -> Pub/Sub. */
export const relayProjectChanges = relayProjectChangesFunction(services);
/** The same for further shards, as many as RELAY_SHARDS says. */
export const relayShard = relayShardFunctions(services);
/** Pub/Sub -> assets in Firestore. */
export const syncProject = syncProjectFunction(services);
/** The same for deletions, which wait for no other event. */
export const syncDeletions = syncDeletionsFunction(services);
/** Events that were given up -> where an operator finds them. */
export const recordDeadLetter = recordDeadLetterFunction(services);
/** Asks for a reconciliation, on a schedule. */
export const reconcileAssets = reconcileAssetsFunction(services);
/** Assets against projects, when somebody asks. */
export const reconcileOnRequest = reconcileOnRequestFunction(services);
/** Alerts -> records and webhooks. */
export const deliverAlert = deliverAlertFunction(services);
/** The operations room's API. */
export const operations = operationsFunction(services);
/** Writes of assets -> what came after the deletion of its project: one function for each collection that asks for
 *  it. */
export const watch = watchAssetsFunctions(services);
