import { defineConfig } from './config/defineConfig.ts';

/** What is kept in step: the one file that most users edit. */
export default defineConfig({
  // Search indexes and caches follow: docs/consistency.md
  converged: true,
  source: { database: 'collaboration', collection: 'projects', fields: ['name', 'description', 'members'] },
  collections: [
    {
      path: 'storyboards',
      projectId: 'projectId',
      copies: { name: 'projectName', description: 'projectDescription', members: 'projectMembers' },
      subcollections: 'recursive',
    },
    { path: 'aiAnalyses', projectId: 'projectId', copies: { members: 'projectMembers' } },
    { path: 'generatedMedia', projectId: 'projectId', copies: { name: 'projectName', members: 'projectMembers' } },
    {
      path: 'prototypes',
      projectId: 'meta.projectId',
      copies: { name: 'meta.projectName', members: 'meta.projectMembers' },
      // Months of work: a project that is deleted by mistake gets them back.
      onDelete: 'archive',
      retention: { days: 30 },
    },
    { group: 'scenes', projectId: 'projectId' },
  ],
});
