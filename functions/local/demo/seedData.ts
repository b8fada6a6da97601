import { Timestamp } from 'firebase-admin/firestore';

/** A document to be written: its path and its data. */
export type SeedDocument = readonly [path: string, data: Record<string, unknown>];

/** How many assets of each kind a project gets. */
export interface AssetCounts {
  readonly storyboards: number;
  /** Panels of each storyboard: listed in it, each with a document below it. */
  readonly panels: number;
  readonly analyses: number;
  readonly media: number;
  readonly prototypes: number;
  readonly scenes: number;
}

/** Who works on a project. */
export interface Member {
  readonly userId: string;
  readonly name: string;
  readonly role: 'owner' | 'editor' | 'viewer';
}

/** What MongoDB holds of a project, as far as its assets have copies. */
export interface ProjectFields {
  readonly name: string;
  readonly description?: string;
  readonly members?: readonly Member[];
}

/** Names as people give them: spaces, quotes, scripts, emoji. */
export const projectNames = [
  'Midnight at the Diner',
  'The "Quiet" Ones',
  "L'été dernier – director's cut",
  'Ümläut & Söhne <pilot>',
  '春の雨 / Spring Rain',
  '🎬 Launch film 🚀 v2',
  'Подкаст: сезон 3',
  '  leading and trailing  ',
];

/** The team of a project, unless a scenario says otherwise. */
export const usualMembers: readonly Member[] = [
  { userId: 'user-17', name: 'Mara Okafor', role: 'owner' },
  { userId: 'user-3', name: 'Kim Joon-ho', role: 'editor' },
];

/** Where the files of assets are. */
export const mediaBucket = 'demo-lockstep.firebasestorage.app';

/** The assets of one project in the shape of the real thing, with copies of what the project has. Pure: the same
 *  arguments give the same documents. */
export function assetsOfProject(projectId: string, project: ProjectFields, counts: AssetCounts): SeedDocument[] {
  const at = Timestamp.fromMillis(Date.UTC(2026, 9, 1));
  const many = <T>(count: number, make: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => make(index));
  const file = (folder: string, name: string) => `projects/${projectId}/${folder}/${name}`;
  const projectName = project.name;
  const projectMembers = project.members && { projectMembers: project.members };
  return [
    ...many(counts.storyboards, (board): SeedDocument[] => [
      [
        `storyboards/${projectId}-board-${board}`,
        {
          projectId,
          projectName,
          ...(project.description !== undefined && { projectDescription: project.description }),
          ...projectMembers,
          title: `Sequence ${board + 1}`,
          style: ['ink', 'watercolour', 'photoreal'][board % 3],
          aspectRatio: '2.39:1',
          imageUrl: downloadUrl(file(`boards/${board}`, 'overview.webp')),
          // What the board shows at a glance; what a panel is worked on with is below.
          panels: many(counts.panels, (panel) => ({
            image: `gs://${mediaBucket}/${file(`boards/${board}`, `panel-${panel}.webp`)}`,
            caption: `Shot ${panel + 1}`,
          })),
          createdAt: at,
        },
      ],
      ...many(
        counts.panels,
        (panel): SeedDocument => [
          `storyboards/${projectId}-board-${board}/panels/${String(panel).padStart(3, '0')}`,
          {
            order: panel,
            prompt: `Wide shot, rain on neon, panel ${panel + 1}`,
            camera: { shot: 'wide', lens: 35, move: panel % 2 === 0 ? 'dolly in' : null },
            dialogue: [{ character: 'MARA', line: 'You said nobody comes here.' }],
            durationSeconds: 3.5,
          },
        ],
      ),
    ]).flat(),
    ...many(
      counts.analyses,
      (index): SeedDocument => [
        `aiAnalyses/${projectId}-analysis-${index}`,
        {
          projectId,
          ...projectMembers,
          kind: 'script',
          model: 'story-critic-3',
          summary: 'The second act loses the clock; the diner scene carries the theme.',
          scores: { pacing: 0.62, dialogue: 0.81, originality: 0.7 },
          beats: [
            { at: 0.12, name: 'inciting incident', confidence: 0.91 },
            { at: 0.52, name: 'midpoint', confidence: 0.78 },
          ],
          characters: { MARA: { lines: 112, sentiment: 0.2 }, THE_COOK: { lines: 34, sentiment: -0.4 } },
          finishedAt: at,
        },
      ],
    ),
    ...many(counts.media, (index): SeedDocument => {
      const isVoice = index % 2 === 0;
      return [
        `generatedMedia/${projectId}-media-${index}`,
        {
          projectId,
          projectName,
          ...projectMembers,
          kind: isVoice ? 'voice-over' : 'render',
          url: downloadUrl(file('media', isVoice ? `take-${index}.wav` : `render-${index}.mp4`)),
          ...(isVoice ? { voice: 'alto-2', language: 'en-GB' } : { width: 3840, height: 1608, fps: 24 }),
          durationMs: 4_200 + index,
          createdAt: at,
        },
      ];
    }),
    ...many(
      counts.prototypes,
      (index): SeedDocument => [
        `prototypes/${projectId}-prototype-${index}`,
        {
          meta: { projectId, projectName, ...projectMembers, revision: index + 1 },
          screens: [
            { name: 'Title card', components: 4, image: file(`prototypes/${index}`, 'title-card.png') },
            { name: 'Credits', components: 2, image: file(`prototypes/${index}`, 'credits.png') },
          ],
        },
      ],
    ),
    ...many(
      counts.scenes,
      (index): SeedDocument => [
        `screenplays/${projectId}-draft/scenes/${String(index).padStart(3, '0')}`,
        {
          projectId,
          heading: `INT. DINER - NIGHT ${index + 1}`,
          text: 'The neon hums. MARA counts the stools.',
          pages: 1.25,
        },
      ],
    ),
  ];
}

/** The address from which Firebase's clients download a file. */
function downloadUrl(name: string): string {
  return `https://firebasestorage.googleapis.com/v0/b/${mediaBucket}/o/${encodeURIComponent(name)}?alt=media`;
}

/** How many assets (documents that carry the project id) the counts come to. Panels lie below assets and are none. */
export function assetCount(counts: AssetCounts): number {
  return counts.storyboards + counts.analyses + counts.media + counts.prototypes + counts.scenes;
}
