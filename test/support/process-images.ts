/** `node process-images.ts FILE…`: all at once, as uploads arrive; says what became of them and what it took. */
import { readFileSync } from "node:fs";
import { processImage } from "../../src/media/process.ts";

const results = await Promise.all(
  process.argv.slice(2).map((file) =>
    processImage(readFileSync(file)).then(
      ({ meta }) => meta.original.size,
      (error: Error) => error.message,
    ),
  ),
);
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const peakMb = maxRSS / 1024;
const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
process.stdout.write(JSON.stringify({ results, peakMb, cpuSeconds }));
