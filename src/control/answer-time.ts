/** How long an answer of the control API may take. In milliseconds. */

/** After so long a client takes the daemon for stuck. */
export const answerTimeout = 15_000

/** So long the daemon asks the NPU for what a client waits for: shorter, so that the client hears who does not answer. */
export const askTimeout = 10_000
