import type { ConfigInput } from '../../src/config/defineConfig.ts';

/** A configuration of the benchmark's own: what ships as an example may change, the figures stay comparable. */
export const latencyConfig = {
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
    { path: 'aiAnalyses', projectId: 'projectId' },
    { path: 'generatedMedia', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'prototypes', projectId: 'meta.projectId', copies: { name: 'meta.projectName' } },
    { group: 'scenes', projectId: 'projectId' },
  ],
} satisfies ConfigInput;
