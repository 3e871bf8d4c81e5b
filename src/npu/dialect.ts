/**
 * Which dialect of Containerz a server speaks, from what it has shown so far: its
 * own description where it registers reflection, its answers otherwise.
 */
import type { Capability, Speech } from "../model/speech.ts"
import type { Generation } from "./in-band.ts"
import type { MethodName, ReflectedFile, ReflectionResponse } from "./messages.ts"

/** What reflection says of gnoi.containerz.Containerz. */
export interface Described {
  readonly methods: ReadonlySet<string>
  /** Whether answers have a field for an in-band code. */
  readonly codes: boolean
}

/** What a connection has shown of the server. */
export interface Shown {
  /** `none`: it has no reflection. */
  readonly described: Described | "none" | undefined
  /** By which name it has a list of containers, whether or not it gives one. */
  readonly lists: "ListContainer" | "List" | "neither" | undefined
  /** An answer carried an in-band code. */
  readonly codes: boolean
  /** Calls that it answered with UNIMPLEMENTED, by their names of today. */
  readonly unsupported: ReadonlySet<MethodName>
}

export const nothingShown: Shown = { described: undefined, lists: undefined, codes: false, unsupported: new Set() }

export const symbol = "gnoi.containerz.Containerz"

/** Reads the answers of reflection; undefined where they describe nothing. */
export const describedBy = (answers: ReadonlyArray<ReflectionResponse>): Described | undefined => {
  const files = answers.flatMap((answer): ReadonlyArray<ReflectedFile> =>
    answer.fileDescriptorResponse?.fileDescriptorProto ?? []
  ).filter((file) => file.package === "gnoi.containerz")
  const service = files.flatMap((file) => file.service).find(({ name }) => name === "Containerz")
  if (service === undefined) {
    const absent = answers.some((answer) => answer.errorResponse?.errorCode === notFound)
    return absent ? { methods: new Set(), codes: false } : undefined
  }
  const stopped = files.flatMap((file) => file.messageType).find(({ name }) => name === "StopContainerResponse")
  return {
    methods: new Set(service.method.map(({ name }) => name)),
    codes: stopped?.field.some(({ number }) => number === 1) ?? false
  }
}

/** gRPC's number for a symbol that reflection does not know. */
const notFound = 5

/** What gnoi 0.3 called them. */
export const oldestName = {
  ListContainer: "List",
  StartContainer: "Start",
  StopContainer: "Stop",
  RemoveContainer: "Remove"
} as const

/** The name of today of a call that may have gone out by its oldest. */
export const nameOfToday = (method: MethodName): MethodName => {
  for (const [today, oldest] of Object.entries(oldestName)) if (oldest === method) return today as MethodName
  return method
}

/** Whether a server says that it never heard of the method, not only that it does not do it. */
export const isUnknownMethod = (details: string): boolean =>
  /unknown (?:method|service)|does not implement the method/i.test(details)

/** Whether the server does without something, also while it is still being asked for its description. */
export const isMissing = (shown: Shown, remote: boolean, capability: Capability): boolean =>
  speechOf({ ...shown, described: shown.described ?? "none" }, remote)?.missing.includes(capability) ?? false

/** Undefined until enough was shown. `remote`: this DPU names a source of images to download from. */
export const speechOf = (shown: Shown, remote: boolean): Speech | undefined => {
  const dialect = dialectOf(shown)
  if (dialect === undefined) return undefined
  const missing = capabilities.filter((capability) =>
    dialect === "none" || lacks(shown, dialect === "sonic", remote, capability)
  )
  return { dialect, by: typeof shown.described === "object" ? "reflection" : "answers", missing }
}

const dialectOf = ({ codes, described, lists }: Shown): Speech["dialect"] | undefined => {
  if (typeof described === "object") {
    if (described.methods.has("ListContainer")) return described.codes || codes ? "in-band" : "modern"
    return described.methods.has("List") ? "sonic" : "none"
  }
  // Whether it has reflection is still being asked.
  if (described === undefined) return undefined
  switch (lists) {
    case "ListContainer":
      return codes ? "in-band" : "modern"
    case "List":
      return "sonic"
    case "neither":
      return "none"
    case undefined:
      return undefined
  }
}

const methods: Readonly<Record<Capability, MethodName>> = {
  list: "ListContainer",
  start: "StartContainer",
  stop: "StopContainer",
  remove: "RemoveContainer",
  images: "ListImage",
  deploy: "Deploy",
  logs: "Log"
}

const capabilities = Object.keys(methods) as ReadonlyArray<Capability>

const lacks = (
  { described, unsupported }: Shown,
  oldest: boolean,
  remote: boolean,
  capability: Capability
): boolean => {
  const method = methods[capability]
  if (unsupported.has(method)) return true
  // Its server names these calls, and has nothing behind any where it has no list.
  if (oldest) return capability === "images" || (capability === "deploy" ? !remote : unsupported.has("ListContainer"))
  return typeof described === "object" && !described.methods.has(method)
}

/** Which of the older numbers stand for what in the errors of a start. */
export const generationOf = ({ described, unsupported }: Shown): Generation => {
  const listsImages = typeof described === "object" ? described.methods.has("ListImage") : !unsupported.has("ListImage")
  return listsImages ? "0.5" : "0.4.1"
}
