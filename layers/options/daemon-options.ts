/**
 * What offloadd can be told on its command line, and by the same names as
 * `OFFLOADER_…` in its environment. On a switch none of it is needed.
 */
import { parseArgs } from "node:util"

import * as Data from "effect/Data"
import * as Either from "effect/Either"

/** One option: how it is written, what it means. Without a value it is given or it is not. */
interface Option {
  readonly value?: string
  readonly help: string
}

const table = {
  npu: {
    value: "HOST:PORT",
    help: "the NPU's gNOI server; on a switch what the switch tells"
  },
  dpu: { value: "dpuN", help: "which DPU this is, dpu0 to dpu7; on a switch told by its midplane address" },
  "version-file": { value: "FILE", help: "sonic_version.yml of the DPU; default /etc/sonic/sonic_version.yml" },
  "images-dir": { value: "DIR", help: "where image archives are; default /host/offloader/images" },
  "docker-socket": {
    value: "PATH",
    help: "the DPU's own container engine, where images are found too; on a switch /var/run/docker.sock"
  },
  "npu-architecture": {
    value: "ARCH",
    help: "the NPU's architecture, such as amd64, that images are held to; else learnt from what runs there"
  },
  "state-dir": { value: "DIR", help: "where the daemon's memory is kept; default /host/offloader" },
  socket: { value: "PATH", help: "the control socket; default /run/offloader/offloadd.sock" },
  catalogue: { value: "FILE", help: "other services than the built-in three (JSON)" },
  "service-host": { value: "HOST", help: "where probes go; default the NPU's host" },
  policy: { value: "FILE", help: "overrides of the policy (JSON)" },
  "tls-ca": { value: "FILE", help: "CA certificates that the NPU's certificate is checked against; turns TLS on" },
  "tls-cert": { value: "FILE", help: "our certificate, for mutual TLS" },
  "tls-key": { value: "FILE", help: "its key" },
  "tls-server-name": {
    value: "NAME",
    help: "the name that the NPU's certificate must be for; default the host of --npu"
  },
  "tls-insecure": { help: "TLS without checking the NPU's certificate, for one that is ephemeral" },
  plaintext: { help: "no TLS, whatever the switch says" },
  credentials: { value: "FILE", help: "user name and password, or a token, sent with every call; needs TLS" },
  "remote-source": {
    value: "URL",
    help: "where an NPU that takes no upload fetches images from: http://HOST:PORT/FOLDER (https, sftp)"
  },
  record: {
    value: "FILE",
    help: "record what the daemon decides by, for offloadctl replay; rotated, 96 MiB at the most"
  },
  log: { value: "FORM", help: "pretty, logfmt or json; default pretty on a terminal, logfmt otherwise" },
  "log-level": { value: "LEVEL", help: "debug, info, warning or error; default info" }
} as const satisfies Record<string, Option>

type Table = typeof table
type Name = keyof Table

/** As given; absent where neither flag nor variable says it. */
export type DaemonOptions = { readonly [K in Name]?: Table[K] extends { readonly value: string } ? string : true }

/** A command line that offloadd does not understand; `message` is a sentence. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

export type Invocation =
  | { readonly _tag: "Run"; readonly options: DaemonOptions }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Version" }

const names = Object.keys(table) as ReadonlyArray<Name>

/** Flags win over the environment. */
export const parse = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string | undefined>>
): Either.Either<Invocation, UsageError> =>
  Either.try({
    try: () =>
      parseArgs({
        args: [...args],
        options: {
          ...Object.fromEntries(names.map((name) => [name, { type: isFlag(name) ? "boolean" : "string" } as const])),
          help: { type: "boolean", short: "h" },
          version: { type: "boolean" }
        },
        allowPositionals: false
      }).values as Partial<Record<Name, string | boolean>> & { readonly help?: boolean; readonly version?: boolean },
    catch: (error) => new UsageError({ message: `${firstSentence(error)}; "offloadd --help" lists what there is` })
  }).pipe(
    Either.flatMap(({ help, version, ...flags }): Either.Either<Invocation, UsageError> => {
      if (help === true) return Either.right({ _tag: "Help" })
      if (version === true) return Either.right({ _tag: "Version" })
      const options: Partial<Record<Name, string | boolean>> = {}
      for (const name of names) {
        const value = flags[name] ?? environment[variable(name)]
        if (value === undefined) continue
        if (isFlag(name)) {
          const said = value === true ? "true" : value
          if (said !== "true" && said !== "false") {
            return Either.left(new UsageError({ message: `${variable(name)} is neither true nor false` }))
          }
          if (said === "true") options[name] = true
          continue
        }
        if (value === "") return Either.left(new UsageError({ message: `--${name} is empty` }))
        options[name] = value
      }
      return Either.right({ _tag: "Run", options: options as DaemonOptions })
    })
  )

const isFlag = (name: Name): boolean => !("value" in table[name])

const firstSentence = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(". ")[0] ?? "the command line makes no sense"

const variable = (name: string): string => `OFFLOADER_${name.toUpperCase().replaceAll("-", "_")}`

export const help = (): string =>
  [
    "offloadd keeps this DPU's offloaded services running as containers on the NPU.",
    "",
    "Usage: offloadd [OPTION …]",
    "",
    "On a switch it needs no option. In a lab they say what a switch would tell:",
    "",
    ...names.map((name) => helpLine(name, table[name])),
    helpLine("version", { help: "print the version and exit" }),
    helpLine("help", { help: "print this and exit" }),
    "",
    "Each option can also be given as a variable, for example OFFLOADER_STATE_DIR.",
    "Exit codes: 0 after SIGTERM or SIGINT; 1 failed; 2 usage.",
    ""
  ].join("\n")

const helpLine = (name: string, { help, value }: Option): string =>
  `  ${`--${name}${value === undefined ? "" : ` ${value}`}`.padEnd(26)}${help}`

/** `HOST:PORT`, `[IPV6]:PORT`; the port from 1 to 65535. Left: a sentence. */
export const parseAddress = (text: string): Either.Either<{ readonly host: string; readonly port: number }, string> => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || port < 1 || port > 65_535
    ? Either.left(`${JSON.stringify(text)} is not an address; write HOST:PORT, with a port from 1 to 65535`)
    : Either.right({ host, port })
}

/** `dpu0` to `dpu7`, or the number alone. Left: a sentence. */
export const parseDpu = (text: string): Either.Either<number, string> => {
  const match = /^(?:dpu)?([0-7])$/.exec(text)
  return match === null
    ? Either.left(`${JSON.stringify(text)} is no DPU; write dpu0 to dpu7`)
    : Either.right(Number(match[1]))
}

/** As images say what they are for: the names that Go has for processors under Linux. */
const architectures: ReadonlySet<string> = new Set([
  "386",
  "amd64",
  "arm",
  "arm64",
  "loong64",
  "mips",
  "mips64",
  "mips64le",
  "mipsle",
  "ppc64",
  "ppc64le",
  "riscv64",
  "s390x"
])

/** One that an image can be for: no image fits any other, and all would be refused. Left: a sentence. */
export const parseArchitecture = (text: string): Either.Either<string, string> =>
  architectures.has(text)
    ? Either.right(text)
    : Either.left(`${JSON.stringify(text)} is no architecture of images; write one of ${[...architectures].join(", ")}`)
