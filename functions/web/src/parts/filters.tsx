import { useEffect, useId, useState } from 'preact/hooks';
import { words } from '../format.ts';
import { type Route, setQuery } from '../route.ts';

/** A value of the address that narrows a list: one of some, or a text. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly options?: readonly string[];
}

/** How long a text rests before it is searched for, in ms. */
const restMs = 300;

/** The filters of a list. They stand in the address, so that it can be shared. */
export function Filters({ route, filters }: { readonly route: Route; readonly filters: readonly Filter[] }) {
  return (
    <search>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        {filters.map((filter) =>
          filter.options ? (
            <Choice key={filter.name} route={route} filter={filter} options={filter.options} />
          ) : (
            <Text key={filter.name} route={route} filter={filter} />
          ),
        )}
      </form>
    </search>
  );
}

interface OneProps {
  readonly route: Route;
  readonly filter: Filter;
}

function Choice({ route, filter, options }: OneProps & { readonly options: readonly string[] }) {
  const id = useId();
  return (
    <div>
      <label for={id}>{filter.label}</label>
      <select
        id={id}
        value={route.query.get(filter.name) ?? ''}
        onChange={(event) => setQuery(route, { [filter.name]: event.currentTarget.value })}
      >
        <option value="">any</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {words(option)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Text({ route, filter }: OneProps) {
  const id = useId();
  const current = route.query.get(filter.name) ?? '';
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === current) return;
    const timer = setTimeout(() => setQuery(route, { [filter.name]: wanted }), restMs);
    return () => clearTimeout(timer);
  }, [text, current, route, filter.name]);
  return (
    <div>
      <label for={id}>{filter.label}</label>
      <input
        id={id}
        type="search"
        autoComplete="off"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </div>
  );
}
