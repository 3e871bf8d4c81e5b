/**
 * Who we are to the NPU besides our certificate: user name and password, or a
 * token, as metadata of every call. They come from a file, never from a command
 * line or a variable, where the list of processes would show them; no message of
 * ours holds a value of it.
 */
import { readFileSync, statSync } from "node:fs"

import * as Data from "effect/Data"
import * as Either from "effect/Either"

/** The file cannot be used; `message` is a sentence without any of its values. */
export class AccountError extends Data.TaggedError("AccountError")<{ readonly message: string }> {}

export interface Account {
  /** For the next call. The file is looked at each time, and what was good goes on where it is bad now. */
  readonly metadata: () => Readonly<Record<string, string>>
  /** Who may read the file and should not, in a sentence. */
  readonly exposed: string | undefined
}

/**
 * Lines of `NAME: VALUE`, where a value is all that follows the blank: either
 * `username` and `password`, or `access_token`. Empty lines and lines that begin
 * with # count for nothing.
 *
 * @param onChange hears of each change that was taken, or was not and why
 */
export const fromFile = (
  path: string,
  onChange: (change: { readonly taken: boolean; readonly message: string }) => void
): Either.Either<Account, AccountError> => {
  const before = signatureOf(path)
  return Either.map(read(path), (first) => {
    let values = first
    // Of before the reading: what is written meanwhile is read again.
    let signature = before
    return {
      exposed: exposureOf(path),
      metadata: () => {
        const now = signatureOf(path)
        if (now === signature) return values
        signature = now
        const again = read(path)
        if (Either.isRight(again)) {
          values = again.right
          onChange({ taken: true, message: `The credentials in ${path} were read anew.` })
        } else {
          onChange({ taken: false, message: `${again.left.message}; the credentials read before stay in use.` })
        }
        return values
      }
    }
  })
}

const names: ReadonlySet<string> = new Set(["username", "password", "access_token"])

const read = (path: string): Either.Either<Readonly<Record<string, string>>, AccountError> => {
  const refuse = (why: string) => Either.left(new AccountError({ message: `the credentials file ${path} ${why}` }))
  let text: string
  try {
    if (!statSync(path).isFile()) return refuse("is no regular file")
    text = readFileSync(path, "utf8")
  } catch (error) {
    return refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "for an unknown reason"})`)
  }
  const values: Record<string, string> = {}
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue
    const match = /^([a-z_]+): ?(.+)$/.exec(line)
    const [, name, value] = match ?? []
    if (name === undefined || value === undefined || !names.has(name)) {
      return refuse(`has in line ${index + 1} none of username, password and access_token`)
    }
    // What HTTP/2 cannot carry would fail each call.
    if (!/^[\x20-\x7e]+$/.test(value)) return refuse(`has in line ${index + 1} characters that gRPC cannot carry`)
    values[name] = value
  }
  const has = (name: string): boolean => name in values
  const whole = has("access_token") ? !has("username") && !has("password") : has("username") && has("password")
  return whole ? Either.right(values) : refuse("must have either username and password, or access_token")
}

const signatureOf = (path: string): string => {
  try {
    const { ctimeMs, ino, mtimeMs, size } = statSync(path)
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`
  } catch {
    return "unreadable"
  }
}

const exposureOf = (path: string): string | undefined => {
  try {
    const mode = statSync(path).mode & 0o777
    return (mode & 0o077) === 0 ? undefined : `${path} can be read by others (mode ${mode.toString(8)}); make it 600`
  } catch {
    return undefined
  }
}
