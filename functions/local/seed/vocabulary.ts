// What a studio's projects are made of.

export const titleBeginnings = [
  'Midnight',
  'Paper',
  'Glass',
  'Northern',
  'Borrowed',
  'Silent',
  'Copper',
  'Winter',
  'Electric',
  'Hollow',
  'Second',
  'Distant',
  'Velvet',
  'Broken',
  'Salt',
  'Golden',
  'Lost',
  'Burning',
  'Crooked',
  'Static',
  'Blue',
  'Wandering',
  'Iron',
  'Quiet',
  'Tidal',
  'Neon',
  'Last',
  'Feral',
  'Hidden',
  'Open',
] as const;

export const titleEnds = [
  'Diner',
  'Orchard',
  'Harbour',
  'Signal',
  'Garden',
  'Ferry',
  'Atlas',
  'Choir',
  'Lantern',
  'Motel',
  'Season',
  'Archive',
  'Kitchen',
  'Horizon',
  'Parade',
  'Satellite',
  'Library',
  'River',
  'Circus',
  'Station',
  'Mirror',
  'Engine',
  'Island',
  'Letter',
  'Carnival',
  'Frequency',
  'Theatre',
  'Border',
  'Compass',
  'Weather',
] as const;

export const formats = [
  'short film',
  'series pilot',
  'commercial',
  'music video',
  'game cinematic',
  'podcast',
] as const;

export const tones = ['dry', 'tender', 'restless', 'dreamlike', 'deadpan', 'tense', 'warm'] as const;

export const heroes = [
  'a night cook',
  'two sisters',
  'a retired stunt driver',
  'a lighthouse engineer',
  'the last projectionist',
  'a choir of strangers',
  'a courier without a map',
  'an apprentice glassblower',
] as const;

export const quests = [
  'find a letter that was never sent',
  'win back the house in one night',
  'hear a song nobody else can',
  'cross a city that is closing',
  'keep a promise made on tape',
  'not be seen until six',
] as const;

/** The people of the studio, by the ids of their accounts. */
export const people = [
  'Mara Okafor',
  'Kim Joon-ho',
  'Inés Álvarez',
  'Tomasz Wójcik',
  'Aiko Tanabe',
  'Leila Haddad',
  'Björn Åkesson',
  'Priya Raman',
  'Samuel Osei',
  'Chloé Lefèvre',
  'Дарья Волкова',
  'Mateo Rojas',
  'Nadia Rahman',
  "Sean O'Brien",
  'Yara Cohen',
  'Wei Zhang',
  'Femi Adeyemi',
  'Greta Lindholm',
  'Rafael Souza',
  'Hana Novák',
  'Omar Farouk',
  'Ruth Baker',
] as const;

export const sequences = [
  'Opening',
  'The arrival',
  'Kitchen, after hours',
  'The chase',
  'Phone call',
  'Rooftop',
  'Flashback',
  'The deal',
  'Rain',
  'Reveal',
  'Farewell',
  'End titles',
] as const;

export const styles = ['ink', 'watercolour', 'photoreal', 'charcoal', 'cel'] as const;

export const shots = ['wide', 'medium', 'close-up', 'over the shoulder', 'insert', 'aerial'] as const;

export const settings = [
  'rain on neon',
  'an empty platform',
  'steam behind glass',
  'a corridor of doors',
  'fields at dusk',
  'a crowded stairwell',
  'snow in headlights',
  'a desk under one lamp',
] as const;

export const moves = ['dolly in', 'pan left', 'handheld', 'crane up', null] as const;

export const characters = ['MARA', 'THE COOK', 'JONAS', 'LIV', 'INSPECTOR'] as const;

export const dialogueLines = [
  'You said nobody comes here.',
  'Count the stools again.',
  'It was never about the money.',
  'Then who locked the door?',
  'We have until six.',
  'Play it once more.',
] as const;

export const analysisKinds = ['script', 'pacing', 'continuity', 'audience'] as const;

export const summaries = [
  'The second act loses the clock; the kitchen scene carries the theme.',
  'Dialogue is strong where it is short. Two scenes say the same.',
  'The reveal comes a scene early; the score could hold it back.',
  'Wardrobe and weather disagree between the arrival and the chase.',
] as const;

export const beats = ['inciting incident', 'first turn', 'midpoint', 'low point', 'climax'] as const;

export const screens = ['Title card', 'Map', 'Dialogue choice', 'Inventory', 'Credits'] as const;

export const headings = [
  'INT. DINER - NIGHT',
  'EXT. HARBOUR - DAWN',
  'INT. STAIRWELL - DAY',
  'EXT. ROOFTOP - NIGHT',
  'INT. ARCHIVE - DAY',
] as const;

export const actionLines = [
  'The neon hums. MARA counts the stools.',
  'A train that does not stop. LIV waves anyway.',
  'Nobody moves until the kettle does.',
  'JONAS folds the map the wrong way, twice.',
] as const;
