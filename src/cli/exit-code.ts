/** What `offloadctl` exits with; scripts rely on it. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  degraded: 3,
  noDaemon: 4,
  unreachable: 5,
  timedOut: 6,
  rolledBack: 7,
  interrupted: 130
} as const
export type ExitCode = typeof ExitCode[keyof typeof ExitCode]

/** Each with its meaning, as `--help` prints it. */
export const exitCodes: readonly [readonly [ExitCode, string], ...ReadonlyArray<readonly [ExitCode, string]>] = [
  [ExitCode.done, "done"],
  [ExitCode.failed, "failed, or an intent that could not be recorded"],
  [ExitCode.usage, "a command line that is not understood, or an unknown container"],
  [
    ExitCode.degraded,
    "degraded: \"status\", \"list --check\" and \"plan\" found something that is not as it should be, or a deploy cannot be proved"
  ],
  [ExitCode.noDaemon, "no offloadd answers, or this user may not ask it"],
  [ExitCode.unreachable, "the NPU was not reachable when the wait ended"],
  [ExitCode.timedOut, "timed out for any other reason"],
  [ExitCode.rolledBack, "an upgrade was rolled back"],
  [ExitCode.interrupted, "interrupted by Ctrl-C"]
]
