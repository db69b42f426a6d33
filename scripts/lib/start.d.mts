export declare function whyGlibcStart(build: string): string;
export declare function requireOwnStart(build: string, executable: string, arch: string): void;
