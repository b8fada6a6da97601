import type { JobView } from '../../../src/api/views/jobs.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { cancelJob, reconcile } from '../actions/catalogue.ts';
import { withQuery } from '../api/client.ts';
import { usePages } from '../api/usePages.ts';
import { useView } from '../api/useView.ts';
import { count, duration, words } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Filters } from '../parts/filters.tsx';
import { List } from '../parts/list.tsx';
import { Empty, Loading, ProblemNotice } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Progress, Status } from '../parts/status.tsx';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { linkTo, type Route } from '../route.ts';

const statuses: readonly JobView['status'][] = [
  'pending',
  'running',
  'continued',
  'done',
  'failed',
  'held',
  'cancelled',
];
const types: readonly JobView['type'][] = ['update', 'delete', 'reconciliation', 'verification', 'restore', 'purge'];

export const jobColumns: readonly Column<JobView>[] = [
  {
    title: 'Job',
    kind: 'main',
    cell: (job) => (
      <a href={linkTo(['jobs', job.id])} title={job.id}>
        {words(job.type)} <span class="muted">{job.id}</span>
      </a>
    ),
  },
  {
    title: 'Project',
    from: 'medium',
    cell: (job) =>
      job.projectId === null ? (
        <span class="muted">many</span>
      ) : (
        <a href={linkTo(['projects', job.projectId])}>{job.projectId}</a>
      ),
  },
  { title: 'Status', kind: 'short', cell: (job) => <Status value={job.status} /> },
  { title: 'Done', kind: 'short', cell: (job) => <Progress percent={job.percent} label={`Job ${job.id}`} /> },
  { title: 'Processed', kind: 'number', from: 'wide', cell: (job) => count(job.processed) },
  { title: 'Errors', kind: 'number', from: 'wide', cell: (job) => count(job.errors.length) },
  { title: 'Started', kind: 'time', from: 'medium', cell: (job) => <Time at={job.startedAt} /> },
  { title: 'By', from: 'wide', cell: (job) => <span title={job.reason ?? ''}>{job.initiator}</span> },
];

const keyOf = (job: JobView) => job.id;

/** Running and finished work. */
export function Jobs({ route }: { readonly route: Route }) {
  const { query } = route;
  const [status, type, projectId] = ['status', 'type', 'projectId'].map((name) => query.get(name) ?? '');
  const pages = usePages<JobView>(withQuery('/jobs', { status, type, projectId }), keyOf);
  return (
    <Screen title="Jobs" actions={<ActionButton action={reconcile} />}>
      <Filters
        route={route}
        filters={[
          { name: 'status', label: 'Status', options: statuses },
          { name: 'type', label: 'Type', options: types },
          { name: 'projectId', label: 'Project id' },
        ]}
      />
      <List
        label="Jobs"
        pages={pages}
        columns={jobColumns}
        keyOf={keyOf}
        empty={
          <Empty title="No job">
            {status || type || projectId
              ? 'No job matches the filter. Jobs are kept for as long as their retention says.'
              : 'No event has been applied and no reconciliation has run yet.'}
          </Empty>
        }
      />
    </Screen>
  );
}

/** One job: its permalink. */
export function Job({ id }: { readonly id: string }) {
  const { value: job, problem } = useView<JobView>(`/jobs/${encodeURIComponent(id)}`);
  const isScan = job?.type === 'reconciliation' || job?.type === 'verification';
  const isRunning = job !== undefined && job.finishedAt === null;
  return (
    <Screen
      title={`Job ${id}`}
      above={<a href={linkTo(['jobs'])}>All jobs</a>}
      actions={isScan && isRunning && <ActionButton action={cancelJob(id)} word="Cancel" />}
    >
      {problem && <ProblemNotice problem={problem} />}
      {!job && !problem && <Loading />}
      {job && (
        <section class="card">
          <Facts>
            <Fact name="Type">{words(job.type)}</Fact>
            <Fact name="Status">
              <Status value={job.status} />
            </Fact>
            <Fact name="Done">
              <Progress percent={job.percent} label={`Job ${job.id}`} />
            </Fact>
            <Fact name="Processed">
              {count(job.processed)}
              {job.total !== null && ` of ${count(job.total)}`}
            </Fact>
            <Fact name="Project">
              {job.projectId === null ? 'many' : <a href={linkTo(['projects', job.projectId])}>{job.projectId}</a>}
            </Fact>
            <Fact name="Started">
              <Time at={job.startedAt} />
            </Fact>
            <Fact name="Finished">
              <Time at={job.finishedAt} />
              {job.finishedAt !== null && <span class="muted"> after {duration(job.finishedAt - job.startedAt)}</span>}
            </Fact>
            <Fact name="Initiator">{job.initiator}</Fact>
            <Fact name="Reason">{job.reason ?? '–'}</Fact>
          </Facts>
          {isScan && job.finishedAt !== null && (
            <p>
              <a href={linkTo(['integrity', job.id])}>Its report</a>
            </p>
          )}
          <h2>Errors</h2>
          {job.errors.length === 0 ? (
            <p class="muted">None.</p>
          ) : (
            <ul class="errors">
              {job.errors.map((error) => (
                <li key={error}>
                  <code>{error}</code>
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
    </Screen>
  );
}
