import type { PlanOptions } from '../../deploy/plan.ts';

/** A deployment to plan for. */
export const exampleOptions: PlanOptions = {
  project: 'acme-films',
  region: 'europe-west1',
  database: '(default)',
  topics: {
    events: 'project-events',
    deletions: 'project-deletions',
    deadLetters: 'project-events-dead-letter',
    requests: 'reconciliation-requests',
    alerts: 'sync-alerts',
    converged: null,
  },
  buckets: { archive: null, files: null },
  secret: 'MONGODB_URI',
  alertTargetsSecret: null,
  notificationChannels: [],
  watched: [],
};
