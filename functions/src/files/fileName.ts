/** Where the files of assets are: nothing outside of it is ever read, listed or deleted. */
export interface FilePlace {
  readonly bucket: string;
  /** What the names of all files begin with; ends with "/". */
  readonly prefix: string;
  /** Address of a local server (`http://127.0.0.1:9199`) whose URLs name files, too; null in a deployment. */
  readonly emulator: string | null;
}

/** Why a value names no file of the place. */
export type NotOurs =
  /** Neither a text nor empty. */
  | 'not-text'
  /** A URL of something else, or one that cannot be read. */
  | 'not-in-storage'
  | 'another-bucket'
  | 'outside-prefix'
  /** A name that no file should have: it would mean another one to whoever normalizes it, or is not representable. */
  | 'unsafe-name';

/** What a value of an asset names. */
export type NamedFile =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'ignored'; readonly why: NotOurs };

/** Longest name of an object, in bytes of UTF-8 (https://cloud.google.com/storage/docs/objects#naming). */
const maxNameBytes = 1_024;

// The texts of URLs are matched as they are: a URL parser would resolve `..`, drop line breaks and turn backslashes.
const gsUri = /^gs:\/\/([^/]+)\/(.*)$/s;
/** URLs that Cloud Storage and Firebase give for an object, or serve it at: each says its bucket, and then its name.
 *  One that is missing here lets the file of a living asset count as nobody's. */
export const urlForms: readonly RegExp[] = [
  // A download URL of Firebase.
  /^https?:\/\/firebasestorage\.googleapis\.com(?::\d+)?\/v0\/b\/([^/?#]+)\/o\/([^/?#]+)(?:[?#].*)?$/is,
  // `mediaLink` and `selfLink` of an object's metadata.
  /^https?:\/\/(?:storage|www)\.googleapis\.com(?::\d+)?\/(?:download\/)?storage\/v1\/b\/([^/?#]+)\/o\/([^/?#]+)(?:[?#].*)?$/is,
  // Public and signed ones, and what the console links to for whoever is logged in.
  /^https?:\/\/storage\.(?:googleapis|cloud\.google)\.com(?::\d+)?\/([^/?#]+)\/([^?#]+)(?:[?#].*)?$/is,
  // The same with the bucket in the host, as a client signs them with `virtualHostedStyle`.
  /^https?:\/\/([^/?#@:]+)\.storage\.googleapis\.com(?::\d+)?\/([^?#]+)(?:[?#].*)?$/is,
];
const emulatorPath = /^\/v0\/b\/([^/?#]+)\/o\/([^/?#]+)(?:[?#].*)?$/is;
const scheme = /^[a-z][a-z0-9+.-]*:/i;

/** The file that a value of an asset names: `gs://bucket/path`, a download URL of Firebase, a URL of Cloud Storage, or
 *  the path of an object, all for the same file the same name.
 *  Forms: https://firebase.google.com/docs/storage/web/create-reference, and
 *  https://cloud.google.com/storage/docs/request-endpoints, also for what is percent-encoded. */
export function fileNamedBy(value: unknown, place: FilePlace): NamedFile {
  if (value === null || value === undefined || value === '') return { kind: 'nothing' };
  if (typeof value !== 'string') return { kind: 'ignored', why: 'not-text' };
  const location = locate(value, place);
  if (location === undefined) return { kind: 'ignored', why: 'not-in-storage' };
  if (location.bucket !== place.bucket) return { kind: 'ignored', why: 'another-bucket' };
  const why = problemOf(location.name, place);
  return why === undefined ? { kind: 'file', name: location.name } : { kind: 'ignored', why };
}

/** Whether a name is one of a file in the place; a listing, and a record that somebody has edited, are held to this,
 *  too. */
export function isFileName(name: string, place: FilePlace): boolean {
  return problemOf(name, place) === undefined;
}

function locate(text: string, { bucket, emulator }: FilePlace) {
  const uri = gsUri.exec(text);
  if (uri !== null) return { bucket: uri[1] ?? '', name: uri[2] ?? '' };
  const local = emulator !== null && text.startsWith(`${emulator}/`) ? text.slice(emulator.length) : undefined;
  const forms = local === undefined ? urlForms : [emulatorPath];
  const url = forms.map((form) => form.exec(local ?? text)).find((found) => found !== null);
  if (url !== undefined) {
    const [named, name] = [decoded(url[1] ?? ''), decoded(url[2] ?? '')];
    return named === undefined || name === undefined ? undefined : { bucket: named, name };
  }
  return scheme.test(text) ? undefined : { bucket, name: text };
}

/** Decoded once: what is encoded twice is a name with percent signs. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function problemOf(name: string, { prefix }: FilePlace): NotOurs | undefined {
  const isUnsafe =
    /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\\]/u.test(name) ||
    name.split('/').some((segment) => segment === '.' || segment === '..') ||
    Buffer.byteLength(name) > maxNameBytes;
  if (isUnsafe) return 'unsafe-name';
  // A name that ends with "/" stands for a folder.
  return name.startsWith(prefix) && name.length > prefix.length && !name.endsWith('/') ? undefined : 'outside-prefix';
}
