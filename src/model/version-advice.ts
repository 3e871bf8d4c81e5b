/** Apart from `version.ts`, whose schema the quick verbs do without. */

/** What to do where the DPU's version cannot be read. */
export const versionAdvice = "mend the daemon's version file, which \"offloadctl doctor\" names"
