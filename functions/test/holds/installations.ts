/** Installations of each size that the docs speak of, and how many of their projects may be deleted within the window
 *  by default. */
export const installations = [
  { projects: 1, allowed: 1 },
  { projects: 5, allowed: 3 },
  { projects: 10, allowed: 3 },
  { projects: 20, allowed: 5 },
  { projects: 50, allowed: 12 },
  { projects: 100, allowed: 25 },
  { projects: 1_000, allowed: 100 },
  { projects: 100_000, allowed: 1_000 },
] as const;
