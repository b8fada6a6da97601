import { useRef, useState } from 'preact/hooks';
import { ErrorBoundary } from './parts/errorBoundary.tsx';
import { Empty } from './parts/notice.tsx';
import { Screen } from './parts/screen.tsx';
import { useRoom } from './room.ts';
import { linkTo, type Route, useRoute } from './route.ts';
import { Alerts } from './screens/alerts.tsx';
import { Audit } from './screens/audit.tsx';
import { DeadLetter, DeadLetters } from './screens/deadLetters.tsx';
import { Holds } from './screens/holds.tsx';
import { Integrity, Report } from './screens/integrity.tsx';
import { Job, Jobs } from './screens/jobs.tsx';
import { Now } from './screens/now.tsx';
import { Project, Projects } from './screens/projects.tsx';
import { applyTheme, storedTheme, themes } from './theme.ts';

const places = [
  { path: 'now', name: 'Now' },
  { path: 'projects', name: 'Projects' },
  { path: 'jobs', name: 'Jobs' },
  { path: 'dead-letters', name: 'Dead letters' },
  { path: 'holds', name: 'Holds' },
  { path: 'integrity', name: 'Integrity' },
  { path: 'audit', name: 'Audit' },
  { path: 'alerts', name: 'Alerts' },
] as const;

/** The signed-in page: where one can go, who one is, and the screen of the address. */
export function Shell({ onSignOut }: { onSignOut(): void }) {
  const route = useRoute();
  const { session } = useRoom();
  const main = useRef<HTMLElement>(null);
  const [place = 'now'] = route.path;
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header>
        <a href={linkTo([])} class="brand">
          Lockstep
        </a>
        <nav aria-label="Screens">
          <ul>
            {places.map(({ path, name }) => (
              <li key={path}>
                <a href={linkTo([path])} aria-current={path === place ? 'page' : undefined}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="person">
          <span class="actor" title={session.actor}>
            {session.actor}
          </span>
          <span class="status quiet">{session.role}</span>
          <ThemeChoice />
          <button type="button" onClick={onSignOut}>
            Sign out
          </button>
        </div>
      </header>
      <main ref={main} tabIndex={-1}>
        <ErrorBoundary key={route.path.join('/')}>
          <ScreenOf route={route} />
        </ErrorBoundary>
      </main>
    </>
  );
}

function ScreenOf({ route }: { readonly route: Route }) {
  const [place = 'now', id] = route.path;
  if (route.path.length > 2) return <Nowhere />;
  switch (place) {
    case 'now':
      return <Now route={route} />;
    case 'projects':
      return id === undefined ? <Projects route={route} /> : <Project id={id} />;
    case 'jobs':
      return id === undefined ? <Jobs route={route} /> : <Job id={id} />;
    case 'dead-letters':
      return id === undefined ? <DeadLetters route={route} /> : <DeadLetter id={id} />;
    case 'holds':
      return <Holds />;
    case 'integrity':
      return id === undefined ? <Integrity /> : <Report id={id} />;
    case 'audit':
      return <Audit route={route} openSequence={id} />;
    case 'alerts':
      return <Alerts route={route} openKey={id} />;
    default:
      return <Nowhere />;
  }
}

const Nowhere = () => (
  <Screen title="Not found">
    <Empty title="There is no such screen">
      The address may have been cut. <a href={linkTo([])}>Go to the first screen.</a>
    </Empty>
  </Screen>
);

function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <label class="theme">
      <span class="hidden">Theme</span>
      <select
        value={theme}
        onChange={(event) => {
          const chosen = themes.find((name) => name === event.currentTarget.value) ?? 'system';
          applyTheme(chosen);
          setTheme(chosen);
        }}
      >
        {themes.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
