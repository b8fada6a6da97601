/** Ends this process as soon as the supervisor is gone, however it went: the IPC channel closes with it. */
export function exitWithSupervisor(): void {
  if (!process.connected) throw new Error('This program runs only as a child of the functions runtime.');
  process.on('disconnect', () => process.exit(1));
}
