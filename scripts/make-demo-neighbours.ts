/**
 * Makes demo/neighbours.json and demo/pictures/ from scripts/demo-data/neighbours.yaml and the scenes beside it:
 *
 *   node scripts/make-demo-neighbours.ts
 *
 * The same input gives the same output. Needed only to change the demo; what it makes is committed.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { encode } from "blurhash";
import sharp from "sharp";
import { parse } from "yaml";
import {
  NEIGHBOURS_FORMAT,
  type NeighbourPost,
  type Neighbours,
  type Picture,
} from "../src/demo/neighbours.ts";
import { drawScene, HEIGHT, type SceneName, WIDTH } from "./demo-data/scenes.ts";

const DEMO = new URL("../demo/", import.meta.url);
const QUALITY = 68;
const AVATAR_SIZE = 240;
/** Whose scene says most about them; the others have a bird. */
const HEADERS: readonly SceneName[] = ["hills", "sea", "mountains", "town", "forest", "stars"];

type Source = {
  people: Record<string, [name: string, bio: string]>;
  posts: [by: string, text: string, pictures: [SceneName, string][], answers: [string, string][]][];
};

const source = parse(readFileSync(new URL("demo-data/neighbours.yaml", import.meta.url), "utf8")) as Source;
rmSync(new URL("pictures", DEMO), { recursive: true, force: true });
mkdirSync(new URL("pictures", DEMO));

let drawn = 0;
/** No two pictures of a scene are the same. */
const seeds = new Map<SceneName, number>();
let bytes = 0;

async function draw(scene: SceneName, alt: string, avatar = false): Promise<Picture> {
  const seed = (seeds.get(scene) ?? 0) + 1;
  seeds.set(scene, seed);
  const name = `${String(++drawn).padStart(3, "0")}-${scene}.webp`;
  let image = sharp(Buffer.from(drawScene(scene, seed)));
  if (avatar)
    image = image.extract({ left: 200, top: 40, width: 560, height: 560 }).resize(AVATAR_SIZE, AVATAR_SIZE);
  const picture = await image.webp({ quality: QUALITY, effort: 6 }).toBuffer();
  writeFileSync(new URL(`pictures/${name}`, DEMO), picture);
  bytes += picture.length;
  const small = await sharp(picture).resize(48, 30, { fit: "fill" }).ensureAlpha().raw().toBuffer();
  return { file: name, alt, blurhash: encode(new Uint8ClampedArray(small), 48, 30, 4, 3) };
}

const people = [];
for (const [n, [username, [name, bio]]] of Object.entries(source.people).entries()) {
  const avatar = (await draw("bird", "", true)).file;
  const header = (await draw(HEADERS[n % HEADERS.length] ?? "hills", "")).file;
  people.push({ username, name, bio, avatar, header });
}
const posts: NeighbourPost[] = [];
for (const [by, text, pictures, answers] of source.posts) {
  for (const name of [by, ...answers.map(([who]) => who)])
    if (!(name in source.people)) throw new Error(`nobody is called ${name}`);
  const shown: Picture[] = [];
  for (const [scene, alt] of pictures) shown.push(await draw(scene, alt));
  posts.push({ by, text, pictures: shown, answers });
}
const neighbours: Neighbours = { format: NEIGHBOURS_FORMAT, width: WIDTH, height: HEIGHT, people, posts };
writeFileSync(new URL("neighbours.json", DEMO), `${JSON.stringify(neighbours)}\n`);
console.log({ people: people.length, posts: posts.length, pictures: drawn, bytes });
