import { type Config, defineConfig } from '../../src/config/defineConfig.ts';

/** Three collections, as the assets of one large project are spread. Without subcollections, whose reads would be apart
 *  from those of the assets. */
export const scaleConfig: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: [
    { path: 'storyboards', projectId: 'projectId', copies: { name: 'projectName' } },
    { path: 'aiAnalyses', projectId: 'projectId' },
    { path: 'generatedMedia', projectId: 'projectId', copies: { name: 'projectName' } },
  ],
});

/** The same, with deleted assets kept in the archive: of these everything is read, and not only keys. */
export const archivingScaleConfig: Config = defineConfig({
  source: { database: 'bench', collection: 'projects', fields: ['name'] },
  collections: scaleConfig.collections.map(({ name }) => ({ path: name, projectId: 'projectId', onDelete: 'archive' })),
});
