/**
 * Keeps `process.stdout` from being set up while modules load: Effect's logger
 * asks at its load whether that is a terminal, and the asking alone costs a tenth
 * of the start. Imported before anything else; `restoreStdout` puts it back.
 */
const described = Object.getOwnPropertyDescriptor(process, "stdout")

Object.defineProperty(process, "stdout", { configurable: true, enumerable: true, value: undefined })

export const restoreStdout = (): void => {
  if (described !== undefined) Object.defineProperty(process, "stdout", described)
}
