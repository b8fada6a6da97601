// Loaded before a program (`node --import`): ends it as Ctrl-C would when its standard input ends, which happens when
// the process that started it is gone, however that one ended. Nothing is ever written to it.
process.stdin.on('end', () => process.kill(process.pid, 'SIGINT'));
process.stdin.on('error', () => process.kill(process.pid, 'SIGINT'));
process.stdin.resume();
process.stdin.unref();
