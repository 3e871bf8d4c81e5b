/** A text that comes in pieces, as lines; one without an end is cut, so that it holds no memory. */

/** Longest line taken whole, in UTF-16 code units: as much as the daemon keeps of an instance's whole output. */
export const lineLimit = 64 * 1024

/** A line without its end, or the beginning of one that is longer than that. */
export interface Line {
  readonly text: string
  readonly cut: boolean
}

/** Feed it what arrives; a line that is cut is given at once, and what follows of it is passed over. */
export class Lines {
  #held = ""
  /** Within a line whose beginning was given already. */
  #passing = false
  readonly #limit: number

  constructor(limit: number = lineLimit) {
    this.#limit = limit
  }

  feed(text: string): ReadonlyArray<Line> {
    const given: Array<Line> = []
    const [first, ...rest] = text.split("\n")
    this.#add(first!, given)
    for (const part of rest) {
      this.#close(given)
      this.#add(part, given)
    }
    return given
  }

  /** What stands after the last end of a line, if anything does. */
  end(): ReadonlyArray<Line> {
    const given: Array<Line> = []
    if (this.#held !== "") this.#close(given)
    return given
  }

  #add(part: string, given: Array<Line>): void {
    if (this.#passing) return
    this.#held += part
    if (this.#held.length <= this.#limit) return
    given.push({ text: this.#held.slice(0, this.#limit), cut: true })
    this.#held = ""
    this.#passing = true
  }

  #close(given: Array<Line>): void {
    if (!this.#passing) given.push({ text: this.#held, cut: false })
    this.#held = ""
    this.#passing = false
  }
}
