import { useMemo } from 'preact/hooks';
import type { HoldView } from '../../../src/api/views/decisions.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { discardHolds, releaseHolds } from '../actions/catalogue.ts';
import { usePages } from '../api/usePages.ts';
import { count } from '../format.ts';
import { List } from '../parts/list.tsx';
import { Empty } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Status } from '../parts/status.tsx';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { useSelection } from '../parts/useSelection.ts';
import { useIsOperator } from '../room.ts';
import { linkTo } from '../route.ts';

const columns: readonly Column<HoldView>[] = [
  {
    title: 'Project',
    kind: 'main',
    cell: (hold) => <a href={linkTo(['projects', hold.projectId])}>{hold.projectId}</a>,
  },
  { title: 'Status', kind: 'short', cell: (hold) => <Status value={hold.status} /> },
  { title: 'Assets', kind: 'number', cell: (hold) => (hold.assets === null ? '–' : count(hold.assets)) },
  { title: 'Deleted by', from: 'medium', cell: (hold) => hold.actor ?? <span class="muted">unknown</span> },
  { title: 'Problem', from: 'wide', cell: (hold) => <span title={hold.problem ?? ''}>{hold.problem ?? '–'}</span> },
  { title: 'Since', kind: 'time', from: 'medium', cell: (hold) => <Time at={hold.since} /> },
];

const keyOf = (hold: HoldView) => hold.eventId;
const label = (id: string) => `hold ${id}`;
const none: readonly HoldView[] = [];

/** Deletions that wait for a person. */
export function Holds() {
  const pages = usePages<HoldView>('/holds', keyOf);
  const items = pages.items ?? none;
  const keys = useMemo(() => items.map(keyOf), [items]);
  const selection = useSelection(keys, label);
  const isOperator = useIsOperator();
  const chosen = [
    ...new Set(items.filter((hold) => selection.chosen.has(keyOf(hold))).map(({ projectId }) => projectId)),
  ];
  const actions = items.length > 0 && (
    <>
      <ActionButton action={releaseHolds(chosen)} isDisabled={chosen.length === 0} word={`Release ${chosen.length}`} />
      <ActionButton action={discardHolds(chosen)} isDisabled={chosen.length === 0} word={`Discard ${chosen.length}`} />
      <ActionButton action={releaseHolds('all')} word="Release all" />
      <ActionButton action={discardHolds('all')} word="Discard all" />
    </>
  );
  return (
    <Screen title="Holds" actions={actions}>
      <p class="muted">
        More deletions in a short time than the limits allow wait here: somebody may have deleted by mistake.
      </p>
      <List
        label="Holds"
        pages={pages}
        columns={columns}
        keyOf={keyOf}
        selection={isOperator ? selection : undefined}
        empty={<Empty title="Nothing is held">Deletions stay within the limits of mass deletions.</Empty>}
      />
    </Screen>
  );
}
