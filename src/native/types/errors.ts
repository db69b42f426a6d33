/** Texts of errors. */

export interface NativeErrors {
  /** strerror(3) as text of our own, e.g. `no such file or directory`. */
  strerror(errno: number): string;
}
