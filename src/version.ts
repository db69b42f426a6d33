/** The version of tsrun, that of package.json; a unit test holds the two together. */
export const VERSION = '0.1.0';

/** The commit that this was built from; scripts/stamp-commit.mjs writes it into dist/. */
export const COMMIT = 'unknown';

/** The newest version of the runtime specification that tsrun implements. */
export const SPEC_VERSION = '1.3.0';

/** The oldest `ociVersion` of a config.json that tsrun accepts. */
export const SPEC_VERSION_MIN = '1.0.0';
