/**
 * The simulator's only source of chance: a small generator of its own (sfc32),
 * so that one seed decides a run, whatever else draws random numbers. `fork`
 * makes streams that do not disturb each other: taking one fault out of a plan
 * leaves what the others draw as it was.
 */
export class Chance {
  private a: number
  private b: number
  private c: number
  private count = 1

  constructor(seed: number, stream = 0) {
    this.a = seed | 0
    this.b = Math.trunc(seed / 4_294_967_296) | 0
    this.c = Math.imul(stream + 1, 0x9e3779b1) | 0
    for (let round = 0; round < 12; round++) this.word()
  }

  /** 32 bits, signed. */
  word(): number {
    const sum = (this.a + this.b + this.count) | 0
    this.count = (this.count + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum | 0
    return sum
  }

  /** [0, 1). */
  next(): number {
    return (this.word() >>> 0) / 4_294_967_296
  }

  /** A whole number, 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** True with this probability. */
  hits(probability: number): boolean {
    return this.next() < probability
  }

  /** [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  /** [low, high), the small ones as likely as the large: durations and delays. */
  logarithmic(low: number, high: number): number {
    return low * Math.exp(this.next() * Math.log(high / low))
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)]!
  }

  /** Each as often as the number beside it says, which is whole. */
  weigh<A>(from: ReadonlyArray<readonly [A, number]>): A {
    return this.pick(from.flatMap(([each, share]) => Array.from({ length: share }, () => each)))
  }

  /** A stream of its own; the same label gives the same stream. */
  fork(label: number): Chance {
    return new Chance(this.c ^ this.a, Math.imul(label + 1, 0x85ebca6b) ^ this.b)
  }
}
