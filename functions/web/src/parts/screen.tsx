import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface ScreenProps {
  readonly title: string;
  /** Links back, above the title. */
  readonly above?: ComponentChildren;
  /** What can be done here. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** One screen: its heading takes the focus when the screen is entered, so that keyboard and screen reader begin
 *  there. */
export function Screen({ title, above, actions, children }: ScreenProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, []);
  useEffect(() => {
    document.title = `${title} · Lockstep`;
  }, [title]);
  return (
    <>
      {above}
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}
