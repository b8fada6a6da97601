import './style/all.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { readSettings } from './auth/settings.ts';
import { Loading } from './parts/notice.tsx';
import { applyTheme, storedTheme } from './theme.ts';

async function start(place: Element): Promise<void> {
  applyTheme(storedTheme());
  render(<Loading />, place);
  try {
    const [settings, { createFirebaseIdentity }] = await Promise.all([
      readSettings(location.hostname, (...request) => fetch(...request)),
      import('./auth/firebaseIdentity.ts'),
    ]);
    const identity = createFirebaseIdentity(settings);
    render(<App identity={identity} />, place);
  } catch (error) {
    render(<NotStarted reason={error instanceof Error ? error.message : String(error)} />, place);
  }
}

const NotStarted = ({ reason }: { readonly reason: string }) => (
  <main class="sign-in">
    <h1>Lockstep</h1>
    <div class="notice bad" role="alert">
      <strong>The page could not start</strong>
      <p>{reason}</p>
      <p>Reload it. The same operations are commands: npm --prefix functions run.</p>
    </div>
  </main>
);

const place = document.querySelector('#room');
if (place) void start(place);
