/** People of the demo who talk about more than computers: our own words. See `scripts/make-demo-neighbours.ts`. */
import { readFile } from "node:fs/promises";
import { invariant } from "../core/errors.ts";

export interface Neighbours {
  readonly format: typeof NEIGHBOURS_FORMAT;
  /** Of every picture in a post, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly people: readonly Neighbour[];
  readonly posts: readonly NeighbourPost[];
}

export interface Neighbour {
  readonly username: string;
  readonly name: string;
  readonly bio: string;
  /** Files in demo/pictures. */
  readonly avatar: string;
  readonly header: string;
}

export interface NeighbourPost {
  readonly by: string;
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly answers: readonly (readonly [by: string, text: string])[];
}

export interface Picture {
  /** In demo/pictures. */
  readonly file: string;
  readonly alt: string;
  readonly blurhash: string;
}

export const NEIGHBOURS_FORMAT = 1;
export const PICTURE_TYPE = "image/webp";
const DEMO = new URL("../../demo/", import.meta.url);

export async function readNeighbours(): Promise<Neighbours> {
  const neighbours = JSON.parse(await readFile(new URL("neighbours.json", DEMO), "utf8")) as Neighbours;
  invariant(neighbours.format === NEIGHBOURS_FORMAT, "the demo's neighbours are of another version");
  return neighbours;
}

export function readPicture(file: string): Promise<Buffer> {
  return readFile(new URL(`pictures/${file}`, DEMO));
}
