import { useMemo } from 'preact/hooks';
import type { AlertView } from '../../../src/api/views/alerts.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { acknowledgeAlerts, closeAlerts } from '../actions/catalogue.ts';
import { withQuery } from '../api/client.ts';
import { usePages } from '../api/usePages.ts';
import { count, counted } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Filters } from '../parts/filters.tsx';
import { List } from '../parts/list.tsx';
import { Empty } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Status } from '../parts/status.tsx';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { useSelection } from '../parts/useSelection.ts';
import { useIsOperator } from '../room.ts';
import { linkTo, type Route } from '../route.ts';

const states: readonly AlertView['state'][] = ['open', 'acknowledged', 'closed'];

const columns: readonly Column<AlertView>[] = [
  {
    title: 'Alert',
    kind: 'main',
    cell: (alert) => (
      <a href={linkTo(['alerts', alert.key])} title={alert.message}>
        {alert.alarm} <span class="muted">{alert.message}</span>
      </a>
    ),
  },
  { title: 'State', kind: 'short', cell: (alert) => <Status value={alert.state} /> },
  { title: 'Count', kind: 'number', from: 'medium', cell: (alert) => count(alert.count) },
  { title: 'First', kind: 'time', from: 'wide', cell: (alert) => <Time at={alert.firstAt} /> },
  { title: 'Last', kind: 'time', from: 'medium', cell: (alert) => <Time at={alert.lastAt} /> },
  {
    title: 'Acknowledged by',
    from: 'wide',
    cell: (alert) => alert.acknowledgedBy ?? <span class="muted">nobody</span>,
  },
];

const keyOf = (alert: AlertView) => alert.key;
const label = (key: string) => `alert ${key}`;
const none: readonly AlertView[] = [];

/** What alarms have raised; one of them may be opened by its key. */
export function Alerts({ route, openKey }: { readonly route: Route; readonly openKey?: string | undefined }) {
  const state = route.query.get('state') ?? '';
  const pages = usePages<AlertView>(withQuery('/alerts', { state }), keyOf);
  const items = pages.items ?? none;
  const keys = useMemo(() => items.map(keyOf), [items]);
  const selection = useSelection(keys, label);
  const isOperator = useIsOperator();
  const chosen = [...selection.chosen];
  const opened = items.find((alert) => alert.key === openKey);
  const actions = items.length > 0 && (
    <>
      <ActionButton
        action={acknowledgeAlerts(chosen)}
        isDisabled={chosen.length === 0}
        word={`Acknowledge ${chosen.length}`}
      />
      <ActionButton action={closeAlerts(chosen)} isDisabled={chosen.length === 0} word={`Close ${chosen.length}`} />
    </>
  );
  return (
    <Screen title="Alerts" actions={actions}>
      <Filters route={route} filters={[{ name: 'state', label: 'State', options: states }]} />
      {opened && <Opened alert={opened} />}
      {openKey !== undefined && !opened && pages.items && (
        <div class="notice warn">
          <strong>The alert {openKey} is not among those below</strong>
          <p>Choose any state and load more, or it was removed when its retention ended.</p>
        </div>
      )}
      <List
        label="Alerts"
        pages={pages}
        columns={columns}
        keyOf={keyOf}
        selection={isOperator ? selection : undefined}
        isCurrent={(alert) => alert.key === openKey}
        empty={
          <Empty title="No alert">
            {state ? `None is ${state}.` : 'No alarm was raised and no target was missed within the retention.'}
          </Empty>
        }
      />
    </Screen>
  );
}

function Opened({ alert }: { readonly alert: AlertView }) {
  return (
    <section class="card" aria-labelledby="alert">
      <h2 id="alert">
        {alert.alarm} <Status value={alert.state} />
      </h2>
      <p>{alert.message}</p>
      <p>{alert.hint}</p>
      <Facts>
        <Fact name="Raised">
          {counted(alert.count, 'time')}, first <Time at={alert.firstAt} />, last <Time at={alert.lastAt} />
        </Fact>
        <Fact name="Acknowledged by">{alert.acknowledgedBy ?? 'nobody'}</Fact>
        <Fact name="Escalated">
          <Time at={alert.escalatedAt} />
        </Fact>
        {Object.entries(alert.fields).map(([name, value]) => (
          <Fact key={name} name={name}>
            <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>
          </Fact>
        ))}
      </Facts>
      <div class="buttons">
        {alert.state === 'open' && <ActionButton action={acknowledgeAlerts([alert.key])} word="Acknowledge" />}
        {alert.state !== 'closed' && <ActionButton action={closeAlerts([alert.key])} word="Close" />}
      </div>
    </section>
  );
}
