/** What an error of the file system means for the daemon's own files, for people. */

/** The code of a system error, or an empty string. */
export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

/** `doing` is such as "writing /host/offloader/memory.json"; gives a whole sentence without a full stop. */
export const explain = (doing: string, cause: unknown): string =>
  `${doing} failed: ${sentences[codeOf(cause)] ?? (cause instanceof Error ? cause.message : String(cause))}`

const sentences: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of the disk is used up",
  EACCES: "it is not permitted",
  EPERM: "it is not permitted",
  EROFS: "the file system is mounted read-only",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  ENOENT: "it is not there",
  EIO: "the disk reports an input/output error",
  EMFILE: "this process has too many files open",
  ENFILE: "this machine has too many files open",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "its symbolic links go round in a circle"
}
