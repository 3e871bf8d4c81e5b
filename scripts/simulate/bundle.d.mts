/** See bundle.mjs. */
export const bundleWorker: (
  outfile: string,
  options?: {
    readonly counting?: boolean
    readonly patches?: ReadonlyArray<{ readonly file: string; readonly find: string; readonly replace: string }>
  }
) => Promise<ReadonlyArray<object>>
