/** What a person types or picks before an operation is previewed. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly kind: 'text' | 'number' | 'moment' | 'choice' | 'check';
  readonly options?: readonly { readonly value: string; readonly label: string }[];
  readonly initial?: string;
  readonly isRequired?: boolean;
}

export type Values = Readonly<Record<string, string>>;

/** An operation as this page offers it. */
export interface Action {
  /** Name of the operation in the API. */
  readonly operation: string;
  readonly label: string;
  /** What it does and what follows, in a sentence or two. */
  readonly explains: string;
  readonly fields?: readonly Field[];
  /** The operation's input, from the values of the fields. */
  readonly input: (values: Values) => object;
  /** Takes something away that does not come back by itself. */
  readonly isDangerous?: boolean;
  /** Its preview is all there is: nothing is changed, nobody has to say why. */
  readonly isQuestion?: boolean;
}

export function initialValues(fields: readonly Field[]): Values {
  return Object.fromEntries(fields.map(({ name, initial, options }) => [name, initial ?? options?.[0]?.value ?? '']));
}

/** `a, b` -> `['a', 'b']`; undefined when nothing is named, which stands for all. */
export function namesIn(text: string | undefined): string[] | undefined {
  const names = (text ?? '').split(/[\s,]+/).filter(Boolean);
  return names.length > 0 ? names : undefined;
}

/** A whole number, or undefined for an empty field. */
export function wholeNumberIn(text: string | undefined): number | undefined {
  return text ? Number(text) : undefined;
}
