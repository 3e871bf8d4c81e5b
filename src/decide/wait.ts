/** What keeps something from being done, for people and programs. */
export interface Wait {
  readonly _tag: "Wait"
  /** One word in CamelCase. */
  readonly reason: string
  /** A clause without its full stop. */
  readonly message: string
  /** When time alone ends the wait; mono. */
  readonly until?: number
  /** What an operator can do about it. */
  readonly advice?: string
}
