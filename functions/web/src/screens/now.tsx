import type { MeasuresView, NowView } from '../../../src/api/views/now.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { pause, resume, rewind } from '../actions/catalogue.ts';
import { useView } from '../api/useView.ts';
import { count, counted, duration, words } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Empty, Loading, ProblemNotice } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Progress, Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { linkTo, type Route, setQuery } from '../route.ts';
import { Measures } from './measures.tsx';

const ranges: readonly MeasuresView['range'][] = ['hour', 'day', 'month'];

type Job = NowView['running'][number];

const runningColumns: readonly Column<Job>[] = [
  { title: 'Job', kind: 'main', cell: (job) => <a href={linkTo(['jobs', job.id])}>{job.projectId ?? job.type}</a> },
  { title: 'Type', kind: 'short', from: 'medium', cell: (job) => words(job.type) },
  { title: 'Status', kind: 'short', cell: (job) => <Status value={job.status} /> },
  { title: 'Done', kind: 'short', cell: (job) => <Progress percent={job.percent} label={`Job ${job.id}`} /> },
  { title: 'Started', kind: 'time', from: 'medium', cell: (job) => <Time at={job.startedAt} /> },
];

/** What runs, and whether assets and projects are in step. */
export function Now({ route }: { readonly route: Route }) {
  const now = useView<NowView>('/now');
  const range = ranges.find((name) => name === route.query.get('range')) ?? 'hour';
  const measures = useView<MeasuresView>(`/measures?range=${range}`);
  const actions = (
    <>
      <ActionButton action={pause} />
      <ActionButton action={rewind} word="Rewind" />
    </>
  );
  return (
    <Screen title="Now" actions={actions}>
      {now.problem && <ProblemNotice problem={now.problem} />}
      {!now.value && !now.problem && <Loading />}
      {now.value && <State now={now.value} />}
      <section aria-labelledby="measures">
        <div class="head">
          <h2 id="measures">Measures</h2>
          <fieldset class="segments">
            <legend class="hidden">Range of the plots</legend>
            {ranges.map((name) => (
              <button
                key={name}
                type="button"
                aria-pressed={name === range}
                onClick={() => setQuery(route, { range: name })}
              >
                {name}
              </button>
            ))}
          </fieldset>
        </div>
        {measures.problem && <ProblemNotice problem={measures.problem} />}
        {measures.value && (
          <Measures
            measures={measures.value}
            shownTarget={now.value?.targets.find(({ name }) => name === 'commit-to-shown')?.goal}
            lagTarget={now.value?.targets.find(({ name }) => name === 'relay-lag')?.goal}
          />
        )}
      </section>
    </Screen>
  );
}

function State({ now }: { readonly now: NowView }) {
  const { relay } = now;
  return (
    <>
      <div class={`verdict ${now.inStep ? 'good' : 'bad'}`} role="status">
        <strong>{now.summary}</strong>
        {now.mode === 'shadow' && <Status value="shadow" />}
      </div>
      {now.paused.map((item) => (
        <div key={item.what} class="notice warn">
          <strong>Paused: {item.what.replace(':', ' ')}</strong>
          <p>
            By {item.by} since <Time at={item.since} />: {item.reason}
          </p>
          <ActionButton action={resume(item.what)} />
        </div>
      ))}
      <div class="cards">
        <section class="card" aria-labelledby="relay">
          <h2 id="relay">Relay</h2>
          <Facts>
            <Fact name="State">
              <Status value={relay.state} />
            </Fact>
            {relay.shards.length > 0 && (
              <Fact name="Shards at work">
                {count(relay.shards.filter(({ state }) => state === 'running').length)} of {count(relay.shards.length)}
              </Fact>
            )}
            <Fact name="Lag">{relay.lagMs === null ? '–' : duration(relay.lagMs)}</Fact>
            <Fact name="Reads MongoDB at">
              <Time at={relay.place} />
            </Fact>
            <Fact name="Holder">
              <span class="cut" title={relay.holder ?? ''}>
                {relay.holder ?? '–'}
              </span>
            </Fact>
            <Fact name="Lease renewed">
              <Time at={relay.renewedAt} />
            </Fact>
          </Facts>
        </section>
        <section class="card" aria-labelledby="waiting">
          <h2 id="waiting">Waiting</h2>
          <Facts>
            <Fact name="Events not applied yet">{count(now.backlog)}</Fact>
            <Fact name="Holds">
              <a href={linkTo(['holds'])}>{count(now.holds)}</a>
            </Fact>
            <Fact name="Dead letters">
              <a href={linkTo(['dead-letters'])}>{count(now.deadLetters)}</a>
            </Fact>
            <Fact name="Open alerts">
              <a href={linkTo(['alerts'])}>
                {count(now.openAlerts.length)}
                {now.hasMoreAlerts && ' or more'}
              </a>
            </Fact>
          </Facts>
        </section>
        <section class="card" aria-labelledby="targets">
          <h2 id="targets">Targets, last hour</h2>
          {now.targets.length === 0 && <p class="muted">None is configured.</p>}
          <Facts>
            {now.targets.map(({ name, goal, measured, met }) => (
              <Fact key={name} name={`${words(name)} below ${duration(goal)}`}>
                {measured === null ? (
                  <Status value="not measured" />
                ) : (
                  <Status value={`${met ? 'met' : 'missed'}: ${duration(measured)}`} tone={met ? 'good' : 'bad'} />
                )}
              </Fact>
            ))}
          </Facts>
        </section>
      </div>
      {now.openAlerts.length > 0 && (
        <section aria-labelledby="open">
          <h2 id="open">{now.hasMoreAlerts ? 'Newest open alerts' : counted(now.openAlerts.length, 'open alert')}</h2>
          <ul class="alerts">
            {now.openAlerts.map((alert) => (
              <li key={alert.key}>
                <Status value={alert.state} /> <a href={linkTo(['alerts', alert.key])}>{alert.alarm}</a> {alert.message}{' '}
                <span class="muted">
                  since <Time at={alert.firstAt} />
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="running">
        <h2 id="running">Running</h2>
        {now.running.length === 0 ? (
          <Empty title="No job is running">Every event that arrived has been worked on, or waits for its turn.</Empty>
        ) : (
          <Table label="Running jobs" rows={now.running} columns={runningColumns} keyOf={(job) => job.id} />
        )}
      </section>
    </>
  );
}
