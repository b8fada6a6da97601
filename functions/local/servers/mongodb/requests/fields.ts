import { type Document, isDocument, isNumeric, toNumber, typeOf } from '../bson/values.ts';
import { CommandError, typeMismatch } from '../errors.ts';

const wrongType = (command: string, field: string, value: unknown, wanted: string) =>
  typeMismatch(`BSON field '${command}.${field}' is the wrong type '${typeOf(value)}', expected type '${wanted}'`);

/** Reads the fields of a command. A wrong type is answered with 14 (TypeMismatch), a missing field with 40414. */
export interface Fields {
  readonly command: string;
  readonly body: Document;
  string(field: string): string;
  optionalString(field: string): string | undefined;
  /** A number that must be whole and not negative. */
  count(field: string): number | undefined;
  boolean(field: string): boolean;
  document(field: string): Document | undefined;
  requiredDocument(field: string): Document;
  array(field: string): readonly unknown[] | undefined;
  requiredArray(field: string): readonly unknown[];
  documents(field: string): readonly Document[];
}

export function readFields(command: string, body: Document): Fields {
  const typed =
    <T>(wanted: string, isWanted: (value: unknown) => value is T) =>
    (field: string): T | undefined => {
      const value = body[field];
      if (value === undefined || value === null) return undefined;
      if (!isWanted(value)) throw wrongType(command, field, value, wanted);
      return value;
    };
  const optionalString = typed('string', (value) => typeof value === 'string');
  const document = typed('object', isDocument);
  const array = typed('array', (value): value is unknown[] => Array.isArray(value));
  const number = typed('long', isNumeric);
  const required = <T>(field: string, value: T | undefined): T => {
    if (value === undefined)
      throw new CommandError(40414, `BSON field '${command}.${field}' is missing but a required field`);
    return value;
  };
  return {
    command,
    body,
    optionalString,
    string: (field) => required(field, optionalString(field)),
    count(field) {
      const value = number(field);
      const count = value === undefined ? undefined : Math.trunc(toNumber(value));
      if (count === undefined || count >= 0) return count;
      throw new CommandError(51024, `BSON field '${field}' value must be >= 0, actual value '${count}'`);
    },
    boolean(field) {
      const value = body[field];
      if (value === undefined || value === null) return false;
      if (typeof value === 'boolean') return value;
      if (isNumeric(value)) return toNumber(value) !== 0;
      throw wrongType(command, field, value, 'bool');
    },
    document,
    requiredDocument: (field) => required(field, document(field)),
    array,
    requiredArray: (field) => required(field, array(field)),
    documents: (field) =>
      required(field, array(field)).map((item, index) => {
        if (!isDocument(item)) throw wrongType(command, `${field}.${index}`, item, 'object');
        return item;
      }),
  };
}
