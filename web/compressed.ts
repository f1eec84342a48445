/** Beside each file that gets smaller by it, the build puts a Brotli and a gzip version, for the server to send. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const COMPRESSIBLE = /\.(js|css|html|svg|json|webmanifest|txt)$/;
/** Below this, the header that tells of it takes what is gained. */
const MIN_BYTES = 512;

const ENCODINGS = {
  br: (file: Buffer) =>
    brotliCompressSync(file, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_SIZE_HINT]: file.length,
      },
    }),
  gz: (file: Buffer) => gzipSync(file, { level: constants.Z_BEST_COMPRESSION }),
};

export function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: ({ root, build }) => {
      folder = join(root, build.outDir);
    },
    closeBundle: () => {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !COMPRESSIBLE.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const file = readFileSync(path);
        if (file.length < MIN_BYTES) continue;
        for (const [ending, encode] of Object.entries(ENCODINGS)) {
          const smaller = encode(file);
          if (smaller.length < file.length) writeFileSync(`${path}.${ending}`, smaller);
        }
      }
    },
  };
}
