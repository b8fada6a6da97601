export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'lockstep-theme';

/** The theme that was chosen in this browser. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(key);
  return themes.find((theme) => theme === stored) ?? 'system';
}

/** Shows the page in a theme, and keeps the choice. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(key, theme);
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event('themechange'));
}
