/** What doctor asks of the store that media are kept in, where S3_BUCKET is set. */
import type { Config } from "../../config.ts";
import { UnusableSetup } from "../../core/errors.ts";
import type { Check, Finding } from "./command.ts";

export const mediaChecks: readonly Check[] = [{ name: "Media", run: ({ config }) => media(config) }];

async function media({ s3 }: Config): Promise<Finding> {
  if (!s3) return { status: "skipped", says: "S3_BUCKET is not set: media are kept in DATA_DIR" };
  const [{ requireS3 }, { shownAs }] = await Promise.all([
    import("../../engines/media-store/s3-inspect.ts"),
    import("../../engines/media-store/s3.ts"),
  ]);
  try {
    await requireS3(s3);
    return { status: "ok", says: `${shownAs(s3)} can be listed and written to` };
  } catch (error) {
    if (!(error instanceof UnusableSetup)) throw error;
    return { status: "failed", says: error.message };
  }
}
