import { useMemo } from 'preact/hooks';
import type { DeadLetterView } from '../../../src/api/views/decisions.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { dropDeadLetters, redrive } from '../actions/catalogue.ts';
import { withQuery } from '../api/client.ts';
import { usePages } from '../api/usePages.ts';
import { useView } from '../api/useView.ts';
import { count } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Filters } from '../parts/filters.tsx';
import { List } from '../parts/list.tsx';
import { Empty, Loading, ProblemNotice } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Status } from '../parts/status.tsx';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { useSelection } from '../parts/useSelection.ts';
import { useIsOperator } from '../room.ts';
import { linkTo, type Route } from '../route.ts';

const columns: readonly Column<DeadLetterView>[] = [
  {
    title: 'What',
    kind: 'main',
    cell: (letter) => (
      <a href={linkTo(['dead-letters', letter.id])} title={letter.id}>
        {letter.projectId ?? letter.asset ?? letter.id}
      </a>
    ),
  },
  { title: 'Why', from: 'medium', cell: (letter) => letter.reason },
  { title: 'Error', from: 'wide', cell: (letter) => <span title={letter.error}>{letter.error}</span> },
  { title: 'Status', kind: 'short', cell: (letter) => <Status value={letter.status} /> },
  { title: 'Attempts', kind: 'number', from: 'wide', cell: (letter) => count(letter.attempts) },
  { title: 'Since', kind: 'time', from: 'medium', cell: (letter) => <Time at={letter.firstAt} /> },
];

const statuses: readonly DeadLetterView['status'][] = ['failing', 'open', 'redriven', 'resolved', 'dropped'];

const keyOf = (letter: DeadLetterView) => letter.id;
const label = (id: string) => `dead letter ${id}`;
const none: readonly DeadLetterView[] = [];

/** Events that were given up. */
export function DeadLetters({ route }: { readonly route: Route }) {
  const status = route.query.get('status') ?? '';
  const pages = usePages<DeadLetterView>(withQuery('/dead-letters', { status }), keyOf);
  const items = pages.items ?? none;
  const keys = useMemo(() => items.map(keyOf), [items]);
  const selection = useSelection(keys, label);
  const isOperator = useIsOperator();
  const chosen = [...selection.chosen];
  const actions = items.length > 0 && (
    <>
      <ActionButton action={redrive(chosen)} isDisabled={chosen.length === 0} word={`Redrive ${chosen.length}`} />
      <ActionButton action={dropDeadLetters(chosen)} isDisabled={chosen.length === 0} word={`Drop ${chosen.length}`} />
      <ActionButton action={redrive('all')} word="Redrive all" />
      <ActionButton action={dropDeadLetters('all')} word="Drop all" />
    </>
  );
  return (
    <Screen title="Dead letters" actions={actions}>
      <Filters route={route} filters={[{ name: 'status', label: 'Status', options: statuses }]} />
      <List
        label="Dead letters"
        pages={pages}
        columns={columns}
        keyOf={keyOf}
        selection={isOperator ? selection : undefined}
        empty={
          <Empty title="No dead letters">
            {status ? `None is ${status}.` : 'Every event was applied, superseded or is still being worked on.'}
          </Empty>
        }
      />
    </Screen>
  );
}

/** One dead letter: its permalink. */
export function DeadLetter({ id }: { readonly id: string }) {
  const { value: letter, problem } = useView<DeadLetterView>(`/dead-letters/${encodeURIComponent(id)}`);
  const actions = letter && (
    <>
      <ActionButton action={redrive([id])} word="Redrive" />
      <ActionButton action={dropDeadLetters([id])} word="Drop" />
    </>
  );
  return (
    <Screen
      title={`Dead letter ${id}`}
      above={<a href={linkTo(['dead-letters'])}>All dead letters</a>}
      actions={actions}
    >
      {problem && <ProblemNotice problem={problem} />}
      {!letter && !problem && <Loading />}
      {letter && (
        <section class="card">
          <Facts>
            <Fact name="Status">
              <Status value={letter.status} />
            </Fact>
            <Fact name="Why">{letter.reason}</Fact>
            <Fact name="Project">
              {letter.projectId === null ? (
                'not known'
              ) : (
                <a href={linkTo(['projects', letter.projectId])}>{letter.projectId}</a>
              )}
            </Fact>
            {letter.asset !== null && (
              <Fact name="Asset">
                <code>{letter.asset}</code>
              </Fact>
            )}
            <Fact name="Attempts">{count(letter.attempts)}</Fact>
            <Fact name="First">
              <Time at={letter.firstAt} />
            </Fact>
            <Fact name="Last">
              <Time at={letter.lastAt} />
            </Fact>
          </Facts>
          <h2>Error</h2>
          <pre>{letter.error}</pre>
          <h2>Message as it came</h2>
          <pre>{letter.message}</pre>
          <h2>Attributes</h2>
          <Facts>
            {Object.entries(letter.attributes).map(([name, value]) => (
              <Fact key={name} name={name}>
                <code>{value}</code>
              </Fact>
            ))}
          </Facts>
        </section>
      )}
    </Screen>
  );
}
