import { z } from 'zod';
import { isRecord } from './loadBundle.ts';

/** Where firebase-functions keeps the parameters that a bundle declares, shared by its CommonJS and its ES build. */
const declaredParams = Symbol.for('firebase-functions:params:declaredParams');

/** How firebase-functions marks its expressions: parameters, and what is made from them. */
const expressionTag = Symbol.for('firebase-functions:Expression:Tag');

/** How it marks "back to the platform's default". */
const resetTag = Symbol.for('firebase-functions:ResetValue:Tag');

/** What this program reads of a parameter; secrets are the ones without a default. */
const declaredSchema = z.array(
  z
    .object({ name: z.string(), options: z.object({ default: z.unknown() }).partial().optional() })
    .transform((param) => ({
      name: param.name,
      fallback: param.options?.default,
    })),
);

/** The resolved parameters of a bundle. */
export interface ResolvedParams {
  readonly params: Record<string, string>;
  readonly secrets: string[];
  readonly missing: string[];
}

/** Gives every declared parameter a value in `env`, as a deployment does: the given one, else its default. Returns
 *  them, the names of the secrets, and the names for which there is neither a value nor a default. */
export function resolveParams(env: NodeJS.ProcessEnv): ResolvedParams {
  const declared: unknown = Reflect.get(globalThis, declaredParams) ?? [];
  const resolved: ResolvedParams = { params: {}, secrets: secretNames(declared), missing: [] };
  for (const { name, fallback } of declaredSchema.parse(declared)) {
    const value = env[name] ?? asVariable(resolveValue(fallback));
    if (value === undefined) {
      resolved.missing.push(name);
    } else {
      env[name] = value;
      resolved.params[name] = value;
    }
  }
  return resolved;
}

/** A declared parameter knows its kind by its class. */
function secretNames(declared: unknown): string[] {
  const params: unknown[] = Array.isArray(declared) ? declared : [];
  return params.flatMap((param) => {
    if (typeof param !== 'object' || param === null || !('name' in param)) return [];
    return Reflect.get(param.constructor, 'type') === 'secret' ? [String(param.name)] : [];
  });
}

/** Environment variables are text; lists travel as JSON. */
function asVariable(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The value of an endpoint's field: expressions by their `value()`, text with its `{{ params.NAME }}` filled in,
 *  "reset" as undefined, the rest as it is. */
export function resolveValue(value: unknown): unknown {
  if (typeof value === 'string') return resolveText(value);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  if (resetTag in value) return undefined;
  if (expressionTag in value && 'value' in value && typeof value.value === 'function') return value.value();
  if (Array.isArray(value)) return value.map(resolveValue);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, resolveValue(field)]));
}

const bracesPattern = /\{\{(.*?)\}\}/g;
const referencePattern = /^\s*params\.(\w+)\s*$/;

/** Fills in parameters written out in a text, which is how options typed as plain strings (a schedule) take them. Of
 *  the expression language of deployments this knows the reference to a parameter; throws for more. */
function resolveText(text: string): string {
  return text.replace(bracesPattern, (whole, inner: string) => {
    const name = referencePattern.exec(inner)?.[1];
    const value = name === undefined ? undefined : process.env[builtInParams[name] ?? name];
    if (value === undefined)
      throw new Error(`"${whole}" in "${text}" cannot be resolved: it is no parameter with a value.`);
    return value;
  });
}

/** Parameters that every project has, and the variables that hold them. */
const builtInParams: Readonly<Record<string, string>> = { PROJECT_ID: 'GCLOUD_PROJECT' };
