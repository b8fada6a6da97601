import type { EncodedMessage } from '../events/codec.ts';
import { mostValueBytes } from './letter.ts';

type Attributes = EncodedMessage['attributes'];

/** The attribute of a dead letter, and of its redrive, that names the one asset that it is about. */
const firstAttribute = 'asset';

/** The attribute in which the path goes on: one of 6 KiB, which is Firestore's longest, takes seven. */
const attributeAt = (index: number) => (index === 0 ? firstAttribute : `${firstAttribute}.${index + 1}`);

/** The attributes that name an asset by its path. */
export function namingAsset(path: string): Attributes {
  return Object.fromEntries(partsOf(path).map((part, index) => [attributeAt(index), part]));
}

/** The path of the asset that attributes name; undefined when they name none. */
export function namedAsset(attributes: Attributes): string | undefined {
  let path = attributes[firstAttribute];
  for (let index = 1; path !== undefined; index += 1) {
    const part = attributes[attributeAt(index)];
    if (part === undefined) break;
    path += part;
  }
  return path;
}

/** Parts that fit an attribute each, and never half a character. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of text) {
    if (Buffer.byteLength(part + character) > mostValueBytes) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  return [...parts, part];
}
