import { pathToFileURL } from 'node:url';

/** An export that firebase-functions made: callable, with the description that a deployment reads. */
export interface ExportedFunction {
  (...args: readonly unknown[]): unknown;
  readonly __endpoint: Readonly<Record<string, unknown>>;
}

/** Imports a bundle and returns its functions by their deployed names; groups of exports are joined by `-`. */
export async function loadFunctions(bundle: string): Promise<Map<string, ExportedFunction>> {
  const module: Record<string, unknown> = await import(pathToFileURL(bundle).href);
  // A CommonJS bundle arrives as `default`; which of its exports are also named depends on a guess about its text.
  const exports = isRecord(module.default) ? { ...module.default, ...module } : module;
  const functions = new Map<string, ExportedFunction>();
  collect(exports, '', functions);
  return functions;
}

function collect(exports: Record<string, unknown>, prefix: string, found: Map<string, ExportedFunction>): void {
  for (const [name, value] of Object.entries(exports)) {
    if (isExportedFunction(value)) found.set(prefix + name, value);
    else if (isRecord(value) && name !== 'default') collect(value, `${prefix}${name}-`, found);
  }
}

function isExportedFunction(value: unknown): value is ExportedFunction {
  return typeof value === 'function' && '__endpoint' in value && isRecord(value.__endpoint);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
