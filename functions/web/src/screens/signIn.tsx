import { useId, useState } from 'preact/hooks';
import type { SignInWay } from '../auth/identity.ts';

/** Where a person says who they are. */
export function SignIn({ ways, note }: { readonly ways: readonly SignInWay[]; readonly note?: string | undefined }) {
  const [failed, setFailed] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const attempt = async (signIn: () => Promise<void>) => {
    setIsBusy(true);
    setFailed(undefined);
    await signIn().catch((error: unknown) => setFailed(error instanceof Error ? error.message : String(error)));
    setIsBusy(false);
  };
  const isLocal = ways.some(({ kind }) => kind === 'role');
  return (
    <main class="sign-in">
      <h1>Lockstep</h1>
      <p class="muted">The operations room. What you may do follows from your account’s role.</p>
      {note !== undefined && (
        <div class="notice warn" role="status">
          {note}
        </div>
      )}
      {isLocal && <p>This is a local stack: choose a role.</p>}
      {ways.map((way) =>
        way.kind === 'password' ? (
          <Password key="password" isBusy={isBusy} onSubmit={(...given) => void attempt(() => way.signIn(...given))} />
        ) : (
          <button
            key={way.kind === 'role' ? way.role : way.kind}
            type="button"
            class="primary"
            disabled={isBusy}
            onClick={() => void attempt(way.signIn)}
          >
            {way.kind === 'role' ? `Sign in as ${way.role}` : 'Sign in with Google'}
          </button>
        ),
      )}
      {failed !== undefined && (
        <div class="notice bad" role="alert">
          <strong>Signing in has failed</strong>
          <p>{failed}</p>
          <p>Check the account and the network, and try again.</p>
        </div>
      )}
    </main>
  );
}

interface PasswordProps {
  readonly isBusy: boolean;
  onSubmit(email: string, password: string): void;
}

function Password({ isBusy, onSubmit }: PasswordProps) {
  const id = useId();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(email, password);
      }}
    >
      <div class="field">
        <label for={`${id}-email`}>Email</label>
        <input
          id={`${id}-email`}
          type="email"
          required
          autoComplete="username"
          value={email}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-password`}>Password</label>
        <input
          id={`${id}-password`}
          type="password"
          required
          autoComplete="current-password"
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </div>
      <button type="submit" disabled={isBusy}>
        Sign in with email
      </button>
    </form>
  );
}
