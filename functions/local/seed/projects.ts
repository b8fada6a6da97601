import { ObjectId } from 'mongodb';
import { type Member, type ProjectFields, projectNames } from '../demo/seedData.ts';
import { chosen, shareOf } from './choice.ts';
import { formats, heroes, people, quests, titleBeginnings, titleEnds, tones } from './vocabulary.ts';

/** A project as MongoDB holds it. */
export interface SeededProject extends Required<ProjectFields> {
  readonly _id: ObjectId;
  readonly status: 'draft' | 'in production' | 'delivered';
  readonly updatedBy: string;
}

/** So many projects have names of their own. */
export const mostDistinctProjects = titleBeginnings.length * titleEnds.length * formats.length;

/** Has no factor in common with the number of names: one step after the other reaches each of them once. */
const nameStep = 1_871;

/** The ids say that the first project was created then, in seconds since 1970, and each next one some time later. */
const firstCreatedAt = Date.UTC(2026, 0, 5) / 1_000;
const secondsApart = 2_017;

const fewestMembers = 2;
const mostMembers = 7;

/** One project of many, always the same for an index. Pure. */
export function seededProject(index: number): SeededProject {
  const format = formats[nameNumber(index) % formats.length] ?? formats[0];
  const members = membersOf(index);
  return {
    _id: idOf(index),
    name: projectNames[index] ?? `${titleOf(index)} (${format})`,
    description: `A ${chosen(tones, index, 'tone')} ${format} about ${chosen(heroes, index, 'hero')} who must ${chosen(quests, index, 'quest')}.`,
    members,
    status: chosen(['draft', 'in production', 'delivered'], index, 'status'),
    updatedBy: members[0]?.userId ?? 'user-1',
  };
}

const nameNumber = (index: number) => (index * nameStep) % mostDistinctProjects;

function titleOf(index: number): string {
  const pair = Math.floor(nameNumber(index) / formats.length);
  return `${titleBeginnings[pair % titleBeginnings.length]} ${titleEnds[Math.floor(pair / titleBeginnings.length)]}`;
}

/** As drivers make them: seconds, five bytes of a process, a counter. */
function idOf(index: number): ObjectId {
  const seconds = (firstCreatedAt + index * secondsApart).toString(16).padStart(8, '0');
  return new ObjectId(`${seconds}5eed5eed5e${index.toString(16).padStart(6, '0')}`);
}

/** An owner, and people with other roles, each once. */
function membersOf(index: number): readonly Member[] {
  const count = fewestMembers + Math.floor(shareOf(index, 'members') * (mostMembers - fewestMembers + 1));
  const first = Math.floor(shareOf(index, 'owner') * people.length);
  return Array.from({ length: count }, (_, place): Member => {
    const person = (first + place) % people.length;
    const role = place === 0 ? 'owner' : chosen<Member['role']>(['editor', 'editor', 'viewer'], index, 'role', place);
    return { userId: `user-${person + 1}`, name: people[person] ?? people[0], role };
  });
}
