/**
 * Buffers that have served lie about until V8 collects its young generation, and
 * it does not hurry for what is outside its heap: some 32 MiB of them pile up.
 * Where the process was started with `--expose-gc`, as offloadd is, they are
 * collected after each few MiB that went through instead; it takes a millisecond
 * or less. Elsewhere nothing is done.
 */

/** Bytes between two collections. */
const collectEvery = 8 * 1024 * 1024

type Collect = (options: { readonly type: "minor" }) => void

export class Garbage {
  private left = collectEvery

  /** So many bytes went through buffers that are of no use any more. */
  passed(bytes: number): void {
    this.left -= bytes
    if (this.left > 0) return
    this.left = collectEvery
    const { gc } = globalThis as { readonly gc?: Collect }
    gc?.({ type: "minor" })
  }
}
