/** Response header of a child: the first line of the error that made an invocation fail, URI-encoded. */
export const errorHeader = 'x-function-error';

/** Variable of a child: its memory limit in MiB. */
export const memoryLimitVariable = 'LOCKSTEP_MEMORY_LIMIT_MIB';
