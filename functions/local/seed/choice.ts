/** A number from 0 up to, but not, 1 that depends on the key only: FNV-1a, then the final mix of MurmurHash3, without
 *  which keys that differ in little would get much the same. */
export function shareOf(...key: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of key.join('/')) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** One of the options, always the same for a key. */
export function chosen<T>(options: readonly [T, ...T[]], ...key: readonly (string | number)[]): T {
  return options[Math.floor(shareOf(...key) * options.length)] ?? options[0];
}
