import type { EventView, ProjectView } from '../../../src/api/views/projects.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { discardHolds, releaseHolds, restore, syncNow, whatIf } from '../actions/catalogue.ts';
import { withQuery } from '../api/client.ts';
import { usePages } from '../api/usePages.ts';
import { useView } from '../api/useView.ts';
import { count, duration } from '../format.ts';
import { CopiedValue } from '../parts/copiedValue.tsx';
import { Fact, Facts } from '../parts/facts.tsx';
import { Filters } from '../parts/filters.tsx';
import { List } from '../parts/list.tsx';
import { Empty, Loading, ProblemNotice } from '../parts/notice.tsx';
import { Screen } from '../parts/screen.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { linkTo, type Route } from '../route.ts';
import { jobColumns } from './jobs.tsx';

type Summary = Pick<ProjectView, 'id' | 'name' | 'state' | 'inStep'>;

const projectColumns: readonly Column<Summary>[] = [
  {
    title: 'Project',
    kind: 'main',
    cell: ({ id, name }) => (
      <a href={linkTo(['projects', id])} title={id}>
        {name ?? <span class="muted">no name known</span>} <span class="muted">{id}</span>
      </a>
    ),
  },
  { title: 'State', kind: 'short', cell: ({ state }) => <Status value={state} /> },
  {
    title: 'In step',
    kind: 'short',
    cell: ({ inStep }) => <Status value={inStep ? 'in step' : 'behind'} tone={inStep ? 'good' : 'warn'} />,
  },
];

const keyOfProject = ({ id }: Summary) => id;
const keyOfEvent = ({ id }: EventView) => id;

/** All projects, by id or name. */
export function Projects({ route }: { readonly route: Route }) {
  const search = route.query.get('search') ?? '';
  const pages = usePages<Summary>(withQuery('/projects', { search }), keyOfProject);
  return (
    <Screen title="Projects">
      <Filters route={route} filters={[{ name: 'search', label: 'Id or beginning of the name' }]} />
      <List
        label="Projects"
        pages={pages}
        columns={projectColumns}
        keyOf={keyOfProject}
        empty={
          <Empty title="No project">
            {search
              ? 'None has this id or a name that begins so, in the records. One that never changed since the first reconciliation may have none.'
              : 'No event of a project has arrived yet. Change one in MongoDB, or start a reconciliation.'}
          </Empty>
        }
      />
    </Screen>
  );
}

const collectionColumns: readonly Column<ProjectView['collections'][number]>[] = [
  { title: 'Collection', kind: 'main', cell: ({ name }) => name },
  { title: 'Assets', kind: 'number', cell: ({ assets }) => count(assets) },
];

const eventColumns: readonly Column<EventView>[] = [
  { title: 'Received', kind: 'time', cell: (event) => <Time at={event.receivedAt} /> },
  { title: 'Event', kind: 'main', cell: (event) => <span title={event.id}>{event.type}</span> },
  {
    title: 'Became',
    kind: 'short',
    cell: (event) =>
      event.jobId === null ? (
        <Status value={event.outcome} />
      ) : (
        <a href={linkTo(['jobs', event.jobId])}>
          <Status value={event.outcome} />
        </a>
      ),
  },
  { title: 'By', from: 'medium', cell: (event) => event.actor ?? <span class="muted">unknown</span> },
  { title: 'Origin', from: 'wide', cell: (event) => event.origin },
  {
    title: 'Lag',
    kind: 'number',
    from: 'medium',
    cell: (event) => (event.lagMs === null ? '–' : duration(event.lagMs)),
  },
  { title: 'Version', from: 'wide', cell: (event) => <code>{event.version}</code> },
];

/** One project: its permalink. */
export function Project({ id }: { readonly id: string }) {
  const path = `/projects/${encodeURIComponent(id)}`;
  const { value: project, problem } = useView<ProjectView>(path);
  const events = usePages<EventView>(`${path}/events`, keyOfEvent);
  const actions = project && (
    <>
      <ActionButton action={syncNow(id)} />
      <ActionButton action={whatIf(id)} />
      {isArchived(project) && <ActionButton action={restore(id)} />}
      {project.hold && (
        <>
          <ActionButton action={releaseHolds([id])} word="Release" />
          <ActionButton action={discardHolds([id])} word="Discard" />
        </>
      )}
    </>
  );
  return (
    <Screen
      title={project?.name ?? `Project ${id}`}
      above={<a href={linkTo(['projects'])}>All projects</a>}
      actions={actions}
    >
      {problem && <ProblemNotice problem={problem} />}
      {!project && !problem && <Loading />}
      {project && <State project={project} />}
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <List
          label="Events of this project"
          pages={events}
          columns={eventColumns}
          keyOf={keyOfEvent}
          empty={
            <Empty title="No event in the history">
              None arrived within its retention, or HISTORY_DAYS is 0 and none is kept.
            </Empty>
          }
        />
      </section>
    </Screen>
  );
}

const isArchived = ({ archived }: ProjectView) => archived !== null && archived.documents > 0;

function State({ project }: { readonly project: ProjectView }) {
  const { archived } = project;
  return (
    <>
      {archived !== null && isArchived(project) && (
        <div class="notice">
          <strong>
            {count(archived.documents)} {archived.isMore ? 'documents or more' : 'documents'} are archived
          </strong>
          <p>
            They can be restored
            {archived.until === null ? (
              ''
            ) : (
              <>
                {' '}
                until <Time at={archived.until} />
              </>
            )}
            .
          </p>
        </div>
      )}
      {project.hold && (
        <div class="notice warn">
          <strong>Its deletion is {project.hold.state}</strong>
          <p>
            Since <Time at={project.hold.since} />. Release it if the project was deleted on purpose; discard it if not.
          </p>
        </div>
      )}
      <div class="cards">
        <section class="card" aria-labelledby="state">
          <h2 id="state">State</h2>
          <Facts>
            <Fact name="State">
              <Status value={project.state} />
            </Fact>
            <Fact name="In step">
              <Status value={project.inStep ? 'in step' : 'behind'} tone={project.inStep ? 'good' : 'warn'} />
            </Fact>
            <Fact name="Id">
              <code>{project.id}</code>
            </Fact>
            <Fact name="Version">
              <code>{project.version ?? '–'}</code>
            </Fact>
            <Fact name="Revision">
              {count(project.appliedRevision)} of {count(project.revision)} applied
            </Fact>
          </Facts>
        </section>
        <section class="card" aria-labelledby="copies">
          <h2 id="copies">Copied fields</h2>
          {Object.keys(project.fields).length === 0 && <p class="muted">None is known yet.</p>}
          <Facts>
            {Object.entries(project.fields).map(([name, value]) => (
              <Fact key={name} name={name}>
                <CopiedValue value={value} />
              </Fact>
            ))}
          </Facts>
        </section>
        <section class="card" aria-labelledby="assets">
          <h2 id="assets">Assets, counted now</h2>
          {project.collections.length === 0 ? (
            <p class="muted">It has none in any collection.</p>
          ) : (
            <Table
              label="Assets by collection"
              rows={project.collections}
              columns={collectionColumns}
              keyOf={({ name }) => name}
            />
          )}
        </section>
      </div>
      <section aria-labelledby="jobs">
        <h2 id="jobs">Jobs</h2>
        {project.jobs.length === 0 ? (
          <Empty title="No job">Nothing was changed in its assets within the retention of jobs.</Empty>
        ) : (
          <Table label="Jobs of this project" rows={project.jobs} columns={jobColumns} keyOf={(job) => job.id} />
        )}
      </section>
    </>
  );
}
