import { defineConfig } from './config/defineConfig.ts';

/** What is kept in step: the one file that most users edit. */
export default defineConfig({
  source: { database: 'collaboration', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' }, subcollections: 'recursive' },
    { path: 'aiAnalyses', projectId: 'projectId' },
    { path: 'generatedMedia', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'prototypes', projectId: 'meta.projectId', copies: { name: 'meta.projectName' } },
    { group: 'scenes', projectId: 'projectId' },
  ],
});
