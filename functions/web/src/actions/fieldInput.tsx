import { useId } from 'preact/hooks';
import type { Field } from './action.ts';

interface FieldInputProps {
  readonly field: Field;
  readonly value: string;
  onInput(value: string): void;
}

/** One field of an operation's form with its label and hint. */
export function FieldInput({ field, value, onInput }: FieldInputProps) {
  const id = useId();
  const hint = field.hint ? `${id}-hint` : undefined;
  const common = { id, name: field.name, 'aria-describedby': hint, required: field.isRequired === true };
  const control = () => {
    if (field.kind === 'check') {
      return (
        <input
          {...common}
          type="checkbox"
          checked={value === 'yes'}
          onChange={(event) => onInput(event.currentTarget.checked ? 'yes' : '')}
        />
      );
    }
    if (field.kind === 'choice') {
      return (
        <select {...common} value={value} onChange={(event) => onInput(event.currentTarget.value)}>
          {field.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      );
    }
    const text = {
      ...common,
      value,
      autoComplete: 'off',
      onInput: (event: { readonly currentTarget: HTMLInputElement }) => onInput(event.currentTarget.value),
    };
    if (field.kind === 'number') return <input {...text} type="number" min={0} step={1} />;
    if (field.kind === 'moment') return <input {...text} type="datetime-local" step={1} />;
    return <input {...text} type="text" />;
  };
  return (
    <div class={`field ${field.kind}`}>
      <label for={id}>{field.label}</label>
      {control()}
      {field.hint && (
        <p id={hint} class="hint">
          {field.hint}
        </p>
      )}
    </div>
  );
}
