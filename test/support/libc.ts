/** Functions of the C library, called from a test. Through ffi-rs. */

import { DataType, load, open } from 'ffi-rs';

let opened = false;
function libc(): string {
  if (!opened) {
    open({ library: 'libc', path: 'libc.so.6' });
    opened = true;
  }
  return 'libc';
}

/** Arguments are integers, or buffers for pointers; the result is the register as it is. */
export function call(funcName: string, ...args: (number | Buffer)[]): number {
  return load({ ...request(funcName, args), runInNewThread: false });
}

/** In a thread: it may block. */
export function callLater(funcName: string, ...args: (number | Buffer)[]): Promise<number> {
  return load({ ...request(funcName, args), runInNewThread: true });
}

function request(funcName: string, args: (number | Buffer)[]) {
  return {
    library: libc(),
    funcName,
    retType: DataType.I64 as const,
    paramsType: args.map((arg) => (typeof arg === 'number' ? DataType.I64 : DataType.U8Array)),
    paramsValue: args,
  };
}

/** int results come back with an undefined upper half. */
export const int = (value: number): number => value | 0;
