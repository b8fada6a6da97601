// The compiled functions, as src/index.ts exports them: a process has as much to load. Only the configuration differs.
import { defineConfig } from '../../lib/config/defineConfig.js';
import { deliverAlertFunction } from '../../lib/triggers/deliverAlert.js';
import { operationsFunction } from '../../lib/triggers/operations.js';
import { reconcileAssetsFunction } from '../../lib/triggers/reconcileAssets.js';
import { reconcileOnRequestFunction } from '../../lib/triggers/reconcileOnRequest.js';
import { recordDeadLetterFunction } from '../../lib/triggers/recordDeadLetter.js';
import { relayProjectChangesFunction } from '../../lib/triggers/relayProjectChanges.js';
import { createServices } from '../../lib/triggers/services.js';
import { syncDeletionsFunction, syncProjectFunction } from '../../lib/triggers/syncProject.js';
import { latencyConfig } from './config.ts';

const services = createServices(defineConfig(latencyConfig));

export const relayProjectChanges = relayProjectChangesFunction(services);
export const syncProject = syncProjectFunction(services);
export const syncDeletions = syncDeletionsFunction(services);
export const recordDeadLetter = recordDeadLetterFunction(services);
export const reconcileAssets = reconcileAssetsFunction(services);
export const reconcileOnRequest = reconcileOnRequestFunction(services);
export const deliverAlert = deliverAlertFunction(services);
export const operations = operationsFunction(services);
