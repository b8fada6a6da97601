/** A name of a project with so many bytes, another one in each round. */
export function longName(projectId: string, round: number, bytes: number): string {
  const line = `${round} ${projectId} and what else it is called; `;
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}
