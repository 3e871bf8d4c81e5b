/**
 * The generator behind jitter: a 32-bit counter-based mixer whose whole state is
 * one integer, so that it lives in memory, is saved with it, and replays.
 */

/** A number in [0, 1) and the state after it. */
export const next = (state: number): readonly [number, number] => {
  const advanced = (state + 0x9e3779b9) | 0
  let mixed = advanced ^ (advanced >>> 16)
  mixed = Math.imul(mixed, 0x21f0aaad)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x735a2d97)
  mixed ^= mixed >>> 15
  return [(mixed >>> 0) / 4_294_967_296, advanced]
}
