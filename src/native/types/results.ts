/** Results of the native interface. */

/** A file descriptor, or a negated errno. */
export type FdOrErrno = number;
/** Zero, or a negated errno. */
export type Status = number;
