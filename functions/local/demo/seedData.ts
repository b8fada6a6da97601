import { Timestamp } from 'firebase-admin/firestore';
import { chosen, shareOf } from '../seed/choice.ts';
import {
  actionLines,
  analysisKinds,
  beats,
  characters,
  dialogueLines,
  headings,
  moves,
  screens,
  sequences,
  settings,
  shots,
  styles,
  summaries,
} from '../seed/vocabulary.ts';

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
export const mediaBucket = 'demo-lockstep-files';

/** The assets of one project in the shape of the real thing, with copies of what the project has. Pure: the same
 *  arguments give the same documents. */
export function assetsOfProject(projectId: string, project: ProjectFields, counts: AssetCounts): SeedDocument[] {
  const of: Owner = { projectId, project };
  return [
    ...many(counts.storyboards, (board) => storyboard(of, board, counts.panels)).flat(),
    ...many(counts.analyses, (index) => analysis(of, index)),
    ...many(counts.media, (index) => medium(of, index)),
    ...many(counts.prototypes, (index) => prototype(of, index)),
    ...many(counts.scenes, (index) => scene(of, index)),
  ];
}

interface Owner {
  readonly projectId: string;
  readonly project: ProjectFields;
}

const at = Timestamp.fromMillis(Date.UTC(2026, 9, 1));

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const membersCopy = ({ members }: ProjectFields) => members && { projectMembers: members };

/** The board, and below it a document for each panel. */
function storyboard({ projectId, project }: Owner, board: number, panels: number): SeedDocument[] {
  const path = `storyboards/${projectId}-board-${board}`;
  const folder = `projects/${projectId}/boards/${board}`;
  return [
    [
      path,
      {
        projectId,
        projectName: project.name,
        ...(project.description !== undefined && { projectDescription: project.description }),
        ...membersCopy(project),
        title: sequences[board % sequences.length],
        style: chosen(styles, projectId, board),
        aspectRatio: '2.39:1',
        imageUrl: downloadUrl(`${folder}/overview.webp`),
        // What the board shows at a glance; what a panel is worked on with is below.
        panels: many(panels, (panel) => ({
          image: `gs://${mediaBucket}/${folder}/panel-${panel}.webp`,
          caption: `Shot ${board + 1}.${panel + 1}`,
        })),
        createdAt: at,
      },
    ],
    ...many(panels, (panel): SeedDocument => {
      const pick = <T>(options: readonly [T, ...T[]]) => chosen(options, projectId, board, panel, options.length);
      return [
        `${path}/panels/${String(panel).padStart(3, '0')}`,
        {
          order: panel,
          prompt: `${pick(shots)} shot, ${pick(settings)}`,
          camera: { shot: pick(shots), lens: pick([24, 35, 50, 85]), move: pick(moves) },
          dialogue: [{ character: pick(characters), line: pick(dialogueLines) }],
          durationSeconds: 2 + Math.round(shareOf(projectId, board, panel) * 12) / 2,
        },
      ];
    }),
  ];
}

function analysis({ projectId, project }: Owner, index: number): SeedDocument {
  /** With two digits, as models give it. */
  const score = (what: string) => Math.round(shareOf(projectId, index, what) * 100) / 100;
  return [
    `aiAnalyses/${projectId}-analysis-${index}`,
    {
      projectId,
      ...membersCopy(project),
      kind: analysisKinds[index % analysisKinds.length],
      model: 'story-critic-3',
      summary: chosen(summaries, projectId, index),
      scores: { pacing: score('pacing'), dialogue: score('dialogue'), originality: score('originality') },
      beats: beats.map((name, place) => ({
        at: Math.round((100 * (place + 1)) / (beats.length + 1)) / 100,
        name,
        confidence: score(name),
      })),
      finishedAt: at,
    },
  ];
}

function medium({ projectId, project }: Owner, index: number): SeedDocument {
  const isVoice = index % 2 === 0;
  const folder = `projects/${projectId}/media`;
  return [
    `generatedMedia/${projectId}-media-${index}`,
    {
      projectId,
      projectName: project.name,
      ...membersCopy(project),
      kind: isVoice ? 'voice-over' : 'render',
      url: downloadUrl(isVoice ? `${folder}/take-${index}.wav` : `${folder}/render-${index}.mp4`),
      ...(isVoice ? { voice: 'alto-2', language: 'en-GB' } : { width: 3840, height: 1608, fps: 24 }),
      durationMs: 1_000 + Math.floor(shareOf(projectId, 'duration', index) * 30_000),
      createdAt: at,
    },
  ];
}

function prototype({ projectId, project }: Owner, index: number): SeedDocument {
  return [
    `prototypes/${projectId}-prototype-${index}`,
    {
      meta: { projectId, projectName: project.name, ...membersCopy(project), revision: index + 1 },
      screens: screens.slice(0, 2 + (index % (screens.length - 1))).map((name, place) => ({
        name,
        components: 2 + place,
        image: `projects/${projectId}/prototypes/${index}/screen-${place}.png`,
      })),
    },
  ];
}

function scene({ projectId }: Owner, index: number): SeedDocument {
  return [
    `screenplays/${projectId}-draft/scenes/${String(index).padStart(3, '0')}`,
    {
      projectId,
      heading: chosen(headings, projectId, index),
      text: chosen(actionLines, projectId, index, 'text'),
      pages: 0.25 + Math.floor(shareOf(projectId, index) * 12) / 4,
    },
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
