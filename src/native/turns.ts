/**
 * Work of the library, spread over the turns of a program's event loop.
 *
 * What becomes possible at the same time (many containers whose helpers have all
 * answered, many calls in a row) is not done in one turn, in which the program
 * could do nothing else: a turn begins no further piece once its time is used up.
 */

/** What a turn is made of; the host's. */
export interface EventLoop {
  /** Milliseconds on a clock that does not jump. */
  now(): number;
  /** Calls back in the next turn, after all that was asked for before; in between the engine's promises go on. */
  later(callback: () => void): void;
}

/** No piece is begun in a turn that has taken this long for others, in milliseconds. */
const BUDGET_MS = 3;

/** Pieces of a turn, however short they are. */
const MOST = 16;

export class Turns {
  /** Pieces that wait for a turn, in their order. */
  private readonly waiting = new Set<() => void>();
  /** When this turn's first piece was begun; undefined while it has none. */
  private since: number | undefined;
  private planned = 0;

  constructor(private readonly loop: EventLoop) {}

  /**
   * Calls a piece of work: at once when this turn has had none, else in a later
   * one. It counts with the promises that go on because of it.
   *
   * @returns a function that takes it back while it waits, undefined when it has been called already
   */
  run(piece: () => void): (() => void) | undefined {
    if (this.since === undefined && this.waiting.size === 0) {
      this.begin();
      piece();
      return undefined;
    }
    const entry = (): void => piece();
    this.waiting.add(entry);
    this.plan();
    return () => {
      this.waiting.delete(entry);
    };
  }

  /** Resolves in a turn that has time: at once when this one has had nothing. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.run(resolve);
    });
  }

  /** Whether this turn's time is used up: for work that goes on with next(). */
  isSpent(): boolean {
    return this.since !== undefined && this.loop.now() - this.since >= BUDGET_MS;
  }

  private begin(): void {
    this.since = this.loop.now();
    // The first callback of the next turn, since none of this turn's pieces has planned one before.
    this.loop.later(() => {
      this.since = undefined;
    });
  }

  private plan(): void {
    if (this.planned >= Math.min(this.waiting.size, MOST)) return;
    this.planned++;
    this.loop.later(() => {
      this.step();
    });
  }

  private step(): void {
    this.planned--;
    const [piece] = this.waiting;
    if (piece === undefined) return;
    const hasTime = !this.isSpent();
    if (hasTime) {
      if (this.since === undefined) this.begin();
      this.waiting.delete(piece);
    }
    this.plan();
    if (hasTime) piece();
  }
}
