/** Every screen of the page with the records that the fake API has, by address. */
export const screens = [
  '#/now',
  '#/projects',
  '#/projects/66f0c0ffee00000000000001',
  '#/jobs',
  '#/jobs/reconcile-1',
  '#/dead-letters',
  '#/dead-letters/dead-1',
  '#/holds',
  '#/integrity',
  '#/integrity/reconcile-0',
  '#/audit',
  '#/audit/2',
  '#/alerts',
  '#/alerts/drift-found-1',
  '#/nowhere',
] as const;
