/** See campaign.mjs. */
export const campaign: (options: {
  readonly bundle: string
  readonly first: number
  readonly seeds: number
  readonly workers: number
  /** Seeds that one process runs. */
  readonly batch?: number
  readonly job: { readonly length: number; readonly dpus: number; readonly profile: string; readonly stop?: boolean }
  readonly signal?: AbortSignal
  readonly onResult: (
    result: {
      readonly seed: number
      readonly looks: number
      /** Seconds. */
      readonly cpu: number
      readonly violation: object | undefined
    }
  ) => void
}) => Promise<void>
